import type { Log } from '../options.ts';
import type { WriteLog } from './job-log.ts';
import { asDaemon } from './prints.ts';

/** Writes a runner's lines, made inside the daemon, to its log, with `facts` beside them. */
export function writeToDaemon(log: Log | undefined, facts: Readonly<Record<string, unknown>> = {}): WriteLog {
  return (level, message, json) =>
    asDaemon(() =>
      log?.(level, message, {
        ...facts,
        // Within a field of their own, a module's fields cannot pass for the daemon's.
        ...(json === undefined ? {} : { fields: JSON.parse(json) as unknown }),
      }),
    );
}
