import type { Expectations } from '../protocol/decode.ts';

/** From the first delay to the longest, in milliseconds; each delay is twice the one before. */
export interface DelayRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/** What a `[runner:NAME]` section says of how its jobs are treated, apart from how they are run. */
export interface Policy extends Expectations {
  readonly concurrency: number;
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** How long a job may say nothing. Undefined: as long as it likes. */
  readonly idleTimeoutMs: number | undefined;
  readonly killGraceMs: number;
  readonly blockedDelay: DelayRange;
  /** How often a job may be blocked before it fails; 0: without end. */
  readonly blockedLimit: number;
  readonly retries: number;
  readonly retryDelay: DelayRange;
  /** How often a job may take the daemon down before its message is kept for a person. */
  readonly crashLimit: number;
  /** What becomes of a job whose daemon died while it was in hand; only where its message had been acknowledged by then. */
  readonly onRestart: 'fail' | 'rerun';
  /** Failed jobs also go to the dead-letter queue. */
  readonly keepFailed: boolean;
  /** How many bytes of what a job prints are heard. Undefined: all. */
  readonly maxOutput: number | undefined;
  /** What they match is masked in all that a job says. */
  readonly redact: readonly RegExp[];
  /** Lines of output go to the exchange. */
  readonly output: boolean;
  /** What a job asks for in `notify` is sent. */
  readonly notify: boolean;
}

/** The delay before the next run when `count` runs (1, 2, …) ended the same way. */
export function delayAfter({ minMs, maxMs }: DelayRange, count: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(count - 1, 52));
}
