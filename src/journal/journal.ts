import type { Verdict } from '../job/verdict.ts';

/**
 * The port to what must be known of a job until its acknowledgement is certain.
 *
 * A record is begun when a message becomes a job, ended when its verdict stands, and forgotten once the broker
 * is certain to have heard it. Only a REDELIVERED message may be held against the journal: re-core gives every
 * step of a release the same correlation id and no message id, so two equal messages are two jobs.
 */
export interface Journal {
  /** Makes a record for a job that begins now. `print` says which message it is of; equal messages have equal prints. */
  begin(print: string): Promise<Entry>;

  /**
   * Hands out the oldest record with this print that nobody holds: its job began here and its delivery was lost.
   * From then on the caller holds it.
   */
  recall(print: string): Promise<Entry | undefined>;
}

/** One record, held by whoever began or recalled it until it is settled or released. */
export interface Entry {
  /** What was decided; undefined while the job has not ended. */
  readonly verdict: Verdict | undefined;
  /** True when it was recalled: "started" has been said already. */
  readonly isRecalled: boolean;
  ended(verdict: Verdict): Promise<void>;
  /** The broker has heard it for certain: the record is forgotten. */
  settled(): Promise<void>;
  /** The delivery was lost: the record waits for the message to come again. */
  released(): Promise<void>;
}
