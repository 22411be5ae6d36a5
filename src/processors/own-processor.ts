import type { Job } from '../job/job.ts';
import type { JobContext } from './job-context.ts';

/*
 * A processor of the user's own: what the module of a `[processor:NAME]` section exports. Every runner whose line begins
 * with `NAME!` is made by it. It runs inside the daemon.
 */

/** What a processor gets to know of one runner. */
export interface ProcessorOptions {
  /** NAME of its `[runner:NAME]` section. */
  readonly runner: string;
  /** Its line after the first `!`, as it is written there. */
  readonly spec: string;
  /** Folder of its INI file, absolute: what relative paths start from. */
  readonly directory: string;
  /** The section's own keys, as text. */
  readonly settings: Readonly<Record<string, string>>;
  /** How many jobs may run at once. */
  readonly concurrency: number;
  /** The `env.NAME` keys: for what the runner starts, nothing is done with them here. */
  readonly env: Readonly<Record<string, string>>;
  /** How long a job has to end after its signal has aborted, in milliseconds. */
  readonly killGraceMs: number;
  readonly log: JobContext['log'];
}

/** What a job's run gets besides the job. */
export interface ProcessorContext extends JobContext {
  /** The message's body, byte for byte. */
  readonly input: Uint8Array;
}

/** One runner, made by a processor of the user's own. */
export interface ProcessorRunner {
  /**
   * Runs one job, beside others up to `concurrency`. What it returns becomes the reply's `data`, so it must survive JSON;
   * `undefined` adds none. It throws Failed or Blocked to end the job so; anything else thrown is a crash.
   */
  run(job: Job, context: ProcessorContext): unknown;
  /** Gets ready what jobs would otherwise wait for. When it throws, the daemon does not start; `rbit-ts check` calls it, too. */
  start?(): unknown;
  /** Gives back what the runner holds; no job runs any more. Comes also when `start` has failed. */
  stop?(): unknown;
}

/** What a `[processor:NAME]` module exports: called once for each runner. What it throws is a mistake in the runner's section. */
export type ProcessorFactory = (options: ProcessorOptions) => ProcessorRunner | Promise<ProcessorRunner>;
