import type { RunList } from './child/run-list.ts';

/** Severity of a line for the daemon's own log. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Takes a line for the daemon's own log; `fields` are plain values that can be turned into JSON. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** What the processes of a runner may not exceed, and who they are. Absent: as the daemon itself. */
export interface Limits {
  /** Name or number of a user. */
  readonly user?: string;
  /** Name or number of a group; that of `user` if absent. */
  readonly group?: string;
  /** From -20 (first) to 19 (last). */
  readonly nice?: number;
  /** Bytes for one job, or for one process that works many. */
  readonly memory?: number;
}

/** What a processor has to know of one `[runner:NAME]` section. Paths are absolute unless said otherwise. */
export interface RunnerOptions {
  /** NAME of the section. */
  readonly name: string;
  /** The runner's line after its first `!`. */
  readonly spec: string;
  /** Folder of the INI file: what relative paths start from, and where a child runs unless `cwd` says otherwise. */
  readonly directory: string;
  /** The section's own keys, as text. */
  readonly settings: Readonly<Record<string, string>>;
  /** All of the section's keys, as text: what a Python runner of rbit is given. */
  readonly section: Readonly<Record<string, string>>;
  /** How many jobs may run at once. */
  readonly concurrency: number;
  /** How long something that was asked to end may take before it is ended by force. */
  readonly killGraceMs: number;
  /** Working directory of a child, relative to `directory`. */
  readonly cwd?: string;
  /** The `env.NAME` keys: added to the environment of children and threads. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly successCodes: readonly number[];
  readonly blockedCodes: readonly number[];
  readonly unavailableCodes: readonly number[];
  /** By default, commands are started by small processes that wait for them, where these can be; false: by the daemon. */
  readonly warmStart?: boolean;
  /** What keeps a module apart from the daemon. */
  readonly isolation: 'thread' | 'process' | 'none';
  /** Threads of a module runner; default: the cores, at most `concurrency`. */
  readonly threads?: number;
  /** How many jobs a process works before another takes its place; 0: no limit. */
  readonly maxJobs: number;
  /** The program of `python!`: a name to be found in PATH, or a path relative to `directory`. */
  readonly python: string;
  /** Lists the runs for the next daemon, should this one be killed; by default they are not listed. */
  readonly runList?: RunList;
  readonly log?: Log;
}
