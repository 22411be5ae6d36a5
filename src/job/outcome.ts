/**
 * How one run of a job ended.
 *
 * Final, the requester is told: `completed`, `failed`.
 * Not final, the requester waits and the message goes back: `blocked`, `interrupted`, `unavailable`.
 */
export type Outcome =
  | { readonly kind: 'completed'; readonly data?: unknown }
  | Failure
  /** The runner asked for another try later; `delayMs` when it named the delay itself. */
  | { readonly kind: 'blocked'; readonly reason: string; readonly delayMs?: number }
  /**
   * The daemon ended the run; it does not count as an attempt. `isUnheard`: the job's time was up, but another one kept it
   * from running, and from hearing so.
   */
  | { readonly kind: 'interrupted'; readonly reason: string; readonly isUnheard?: true }
  /** The runner could not be started at all: its fault, not the job's. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface Failure {
  readonly kind: 'failed';
  /** What the requester reads: short, one line where possible, no secrets. */
  readonly message: string;
  readonly data?: unknown;
  /** False when the runner itself called it failed; true for a crash, a timeout, an exception, an exit code without a meaning. */
  readonly retryable: boolean;
  /** For the log alone: a stack, or the last lines of stderr. */
  readonly detail?: string;
}

/** Completed, with `data` only if there is any: peers compare whole replies (protocol-facts: PRE_DEPLOY_CHECK). */
export function completed(data?: unknown): Outcome {
  return data === undefined ? { kind: 'completed' } : { kind: 'completed', data };
}

/** A failure that the runner declared: it is never retried. */
export function failed(message: string, data?: unknown): Failure {
  return { kind: 'failed', message, retryable: false, ...(data === undefined ? {} : { data }) };
}

/** Somebody called the job off: a failure like one that the runner declared. */
export function cancelled(): Failure {
  return failed('cancelled');
}

/** A failure that nobody declared (crash, timeout, exception, exit code): `retries` may run the job again. */
export function crashed(message: string, detail?: string): Failure {
  return { kind: 'failed', message, retryable: true, ...(detail === undefined ? {} : { detail }) };
}
