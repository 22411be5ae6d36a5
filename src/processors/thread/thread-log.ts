import type { LogLevel } from '../options.ts';
import type { ChannelToDaemon } from './channel-to-daemon.ts';
import { shorten } from './shorten.ts';

// Taken before the module is loaded, which may replace it.
const { stringify } = JSON;

const LARGEST_FIELDS = 64 * 1024;

/** Writes to the daemon's log from inside a thread, as the job `id`'s if there is one. Fields that JSON cannot carry are left out. */
export function writeLog(
  channel: ChannelToDaemon,
  level: LogLevel,
  text: string,
  { id, fields }: { id?: number | undefined; fields?: unknown },
): void {
  const message = shorten(text);
  const json = fieldsJson(fields);
  channel.postWhenRoom(
    {
      kind: 'log',
      level,
      message,
      ...(id === undefined ? {} : { id }),
      ...(json === undefined ? {} : { fields: json }),
    },
    [message, json ?? ''],
  );
}

function fieldsJson(fields: unknown): string | undefined {
  if (fields === undefined) return undefined;
  try {
    const json: string | undefined = stringify(fields);
    return json === undefined || json.length <= LARGEST_FIELDS
      ? json
      : stringify(`left out: ${json.length} characters, at most 64 KiB`);
  } catch {
    return undefined;
  }
}
