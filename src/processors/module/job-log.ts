import type { JobContext, JobLog } from '../job-context.ts';
import type { LogLevel } from '../options.ts';
import { shorten } from '../report/shorten.ts';

// Taken before the module is loaded, which may replace it.
const { stringify } = JSON;

const LARGEST_FIELDS = 64 * 1024;

/** Takes a line for the log. `fields` is JSON; what JSON cannot carry is left out. */
export type WriteLog = (level: LogLevel, message: string, fields: string | undefined) => void;

/** `context.log` of a job whose lines `write` takes. A module in plain JavaScript may hand over anything. */
export function makeJobLog(write: WriteLog): JobContext['log'] {
  const logAt =
    (level: LogLevel): JobLog =>
    (message: unknown, fields) =>
      write(level, shorten(message), fieldsJson(fields));
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
}

/** A log line's fields as JSON, if they can be. */
export function fieldsJson(fields: unknown): string | undefined {
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
