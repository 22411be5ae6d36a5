import type { Job } from '../../job/job.ts';

const BASE = ['PATH', 'HOME', 'LANG', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR'];

/** Linux takes no `NAME=value` longer than this, its closing NUL included (MAX_ARG_STRLEN). */
const VARIABLE_BYTES = 131_072;

/** What a child or a thread inherits of the daemon's environment: a fixed few names, so never its secrets. */
export function baseEnvironment(daemon: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return present(Object.entries(daemon).filter(([name]) => BASE.includes(name) || /^LC_[A-Z]+$/.test(name)));
}

/** The `RBIT_SETTING_<NAME>` variables: upper case, what cannot stand in a name becomes `_`. */
export function settingsEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  return fitting(
    Object.entries(settings).map(([name, value]) => [
      `RBIT_SETTING_${name.toUpperCase().replace(/[^A-Z0-9_]/g, '_')}`,
      value,
    ]),
  );
}

/** The facts of a job as `RBIT_*`. What a job lacks, and what no environment could hold, is not set. */
export function jobEnvironment(job: Job): Record<string, string> {
  const { command, subcommand, hosts } = job.parameters;
  return fitting([
    ['RBIT_JOB_ID', job.id],
    ['RBIT_QUEUE', job.queue],
    ['RBIT_RUNNER', job.runner],
    ['RBIT_ATTEMPT', String(job.attempt)],
    ['RBIT_REDELIVERED', job.redelivered ? '1' : '0'],
    ['RBIT_CORRELATION_ID', job.correlationId],
    ['RBIT_MESSAGE_ID', job.messageId],
    ['RBIT_REPLY_TO', job.replyTo],
    ['RBIT_GROUP', job.group],
    ['RBIT_COMMAND', command],
    ['RBIT_SUBCOMMAND', subcommand],
    [
      'RBIT_HOSTS',
      Array.isArray(hosts) ? hosts.filter((host) => typeof host === 'string').join(' ') : undefined,
    ],
    ['TRACEPARENT', job.headers['traceparent']],
  ]);
}

/** Why a value cannot be an environment variable, or, with an empty name, an argument; undefined when it can. */
export function findEnvironmentProblem(name: string, value: string): string | undefined {
  if (value.includes('\0')) return 'holds a NUL character, which no program can be handed';
  if (/\p{Surrogate}/u.test(value)) return 'is not valid Unicode (half of a surrogate pair)';
  const besides = name === '' ? 1 : Buffer.byteLength(name) + 2;
  if (besides + Buffer.byteLength(value) > VARIABLE_BYTES) {
    return `is too large for ${name === '' ? 'an argument' : 'an environment variable'} (128 KiB): read it from stdin`;
  }
  return undefined;
}

function fitting(entries: ReadonlyArray<readonly [string, unknown]>): Record<string, string> {
  return present(
    entries.filter(
      ([name, value]) => typeof value === 'string' && findEnvironmentProblem(name, value) === undefined,
    ),
  );
}

function present(entries: ReadonlyArray<readonly [string, unknown]>): Record<string, string> {
  return Object.fromEntries(
    entries.filter((entry): entry is readonly [string, string] => typeof entry[1] === 'string'),
  );
}
