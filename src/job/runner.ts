import type { Job } from './job.ts';
import type { Outcome } from './outcome.ts';

/**
 * The port that each processor fills: a `[runner:NAME]` section, ready to run jobs.
 *
 * Life: `start` once, `run` any number of times and concurrently, `stop` once. `stop` may come without
 * `start`; it is called when no run is in flight.
 */
export interface Runner {
  readonly name: string;

  /** Gets everything ready that a job would otherwise wait for. Throws RunnerError when the line can never work. */
  start(): Promise<void>;

  /**
   * Runs one job. Never throws: whatever happens is an Outcome. When `context.signal` aborts, the run is
   * over within `kill-grace` and nothing that it started is left behind; what it returns then does not count, but that
   * it was interrupted, unheard, when its time was up.
   */
  run(job: Job, context: RunContext): Promise<Outcome>;

  stop(): Promise<void>;
}

/** What one run of a job gets besides the job. */
export interface RunContext {
  /** The message's body, byte for byte: stdin of a child. */
  readonly input: Uint8Array;
  /** Aborts when the run has to end: its time is up, or the daemon stops. */
  readonly signal: AbortSignal;
  /** Takes one line that the job printed, without its line end. Returns it without its secrets: as it may be told to others. */
  output(line: string): string;
  /** Notes that the job shows signs of life which are no line yet; a line and progress are signs of their own. */
  heard(): void;
  /** Takes how far the job is (0 to 100), and what it is doing. */
  progress(percent: number, message?: string): void;
}

/** The runner's line or its files are wrong: nothing that a job could change. Said by `check` and at the start. */
export class RunnerError extends Error {
  override readonly name = 'RunnerError';
  /** What to do about it. */
  readonly fix: string | undefined;

  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }

  /** Throws one error that tells all of them, each with its own fix; nothing when there is none. */
  static throwAll(errors: readonly RunnerError[]): void {
    const [first] = errors;
    if (first === undefined) return;
    const told = errors.map(({ message, fix }) => (fix === undefined ? message : `${message} (${fix})`));
    const different = new Set(told);
    throw different.size === 1 ? first : new RunnerError([...different].join('; '));
  }

  /** As Promise.all, but waits for each, and throws one error that tells every RunnerError. Whatever else was thrown comes first. */
  static async all<T extends readonly unknown[] | []>(
    work: T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
    const ends = await Promise.allSettled(work);
    const reasons: unknown[] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    const known = reasons.filter((reason) => reason instanceof RunnerError);
    if (known.length === reasons.length) RunnerError.throwAll(known);
    return Promise.all(work);
  }
}
