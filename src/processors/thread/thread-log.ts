import type { LogLevel } from '../options.ts';
import type { ChannelToDaemon } from './channel-to-daemon.ts';

/** Writes to the daemon's log from inside a thread, as the job `id`'s if there is one. `fields` is JSON. */
export function writeLog(
  channel: ChannelToDaemon,
  level: LogLevel,
  message: string,
  { id, fields }: { readonly id?: number | undefined; readonly fields?: string | undefined },
): void {
  channel.postWhenRoom(
    {
      kind: 'log',
      level,
      message,
      ...(id === undefined ? {} : { id }),
      ...(fields === undefined ? {} : { fields }),
    },
    [message, fields ?? ''],
  );
}
