import type { Verdict } from '../job/verdict.ts';

/** Which message a record is of. */
export interface MessagePrint {
  readonly queue: string;
  /** Equal messages have equal prints. */
  readonly print: string;
  /** The message bears an id of its own (message id or correlation id), so that an equal one is hardly another job. */
  readonly isIdentified: boolean;
}

/**
 * The port to what must be known of a job until its acknowledgement is certain.
 *
 * A record is begun when a message becomes a job, ended when its verdict stands, and forgotten once the broker
 * is certain to have heard it. Only a REDELIVERED message may be held against the journal, and only if it cannot be
 * another job: re-core gives every step of a release the same correlation id, and two equal messages are two jobs.
 * Where that is in doubt the job runs again, since to run twice is better than to lose one.
 */
export interface Journal {
  /** Makes a record for a job that begins now. */
  begin(message: MessagePrint): Promise<Entry>;

  /**
   * Hands out the record of this message that nobody holds: its job began here and its delivery was lost.
   * From then on the caller holds it.
   */
  recall(message: MessagePrint): Promise<Entry | undefined>;

  /** Forgets the records of a queue that were released before `beforeMs` (as Date.now): their messages went elsewhere. */
  expire(queue: string, beforeMs: number): void;
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
