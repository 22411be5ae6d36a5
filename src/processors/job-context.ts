import type { Job } from '../job/job.ts';

/** Writes to the daemon's log, with the job's id; `fields` are values that can be turned into JSON. */
export type JobLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** What a module's function gets besides the job. */
export interface JobContext {
  /** The keys of the runner's section that are the runner's own, as text. */
  readonly settings: Readonly<Record<string, string>>;
  /**
   * Aborts when the job has to end: its time is up, or the daemon stops. A job that goes on regardless after `kill-grace`
   * loses its thread or its process; inside the daemon (`isolation = none`) it is left to itself, and nobody hears it.
   */
  readonly signal: AbortSignal;
  /** Shows a line to whoever follows the job, as `console.log` does. */
  readonly output: (line: string) => void;
  /** Says how far the job is (0 to 100), and what it is doing. */
  readonly progress: (percent: number, message?: string) => void;
  readonly log: {
    readonly debug: JobLog;
    readonly info: JobLog;
    readonly warn: JobLog;
    readonly error: JobLog;
  };
}

/**
 * The function behind a `module!` line. What it returns becomes the reply's `data`, so it must survive JSON;
 * `undefined` adds none. It throws Failed or Blocked to end the job so; anything else thrown is a crash.
 */
export type JobFunction = (job: Job, context: JobContext) => unknown;
