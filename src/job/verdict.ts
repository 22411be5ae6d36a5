import type { Failure, Outcome } from './outcome.ts';

/** An outcome that the requester hears of. */
export type FinalOutcome = Extract<Outcome, { kind: 'completed' }> | Failure;

/** What is done with a job's message. */
export type Disposal =
  | { readonly kind: 'ack' }
  | {
      readonly kind: 'requeue';
      readonly delayMs: number;
      readonly headers: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'dead-letter'; readonly headers: Readonly<Record<string, unknown>> };

/** What follows from an outcome: plain data, so that it can be written down before it is carried out. */
export interface Verdict {
  readonly outcome: Outcome;
  /** What the requester is told; nothing while the job is not over. */
  readonly reply?: FinalOutcome;
  readonly disposal: Disposal;
  /** For the log: why this and nothing else. */
  readonly because: string;
}
