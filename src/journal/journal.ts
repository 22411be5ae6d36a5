import type { Publication } from '../broker/broker.ts';
import type { Verdict } from '../job/verdict.ts';
import type { MessagePrint } from './message-print.ts';

/**
 * The port to what must be known of a job until its acknowledgement is certain.
 *
 *   begun ─→ ended ─→ replied ─→ acking ─→ forgotten
 *
 *   begun     the job may be running
 *   ended     its verdict stands; its message is still the broker's
 *   replied   its requester has heard it for certain
 *   acking    the acknowledgement may have been written: an equal message may from now on be another job
 *
 * A record is held by whoever performs its job. When the delivery is lost, or the daemon dies, it waits for the
 * message to come again. Only a REDELIVERED message may be held against it, since two equal messages are two jobs:
 * re-core gives every step of a release the same correlation id. Where it is in doubt whether a message is the one
 * of the record, its job runs again, since to run twice is better than to lose one:
 *
 *                          record ended, replied          record acking
 *   copy, message id       settled by the record          settled by the record
 *   correlation id         settled by the record          settled, unless there may have been another
 *   neither                runs again                     runs again
 *
 * There may have been another if an equal message was seen, if the daemon died, or if the acknowledgement stayed
 * unanswered for so long that one may have been handed out and lost on its way here.
 */
export interface Journal {
  /** Makes a record for a job that begins now. */
  begin(message: MessagePrint): Promise<Entry>;

  /** Hands out the newest record of this message that nobody holds. From then on the caller holds it. */
  recall(message: MessagePrint): Promise<Entry | undefined>;

  /** The record whose final reply has this message id, held or waiting. */
  find(replyId: string): Promise<Found | undefined>;

  /** A copy of ours that was settled here for certain: one more of the same token is the same one, published twice. */
  hasSettled(message: MessagePrint): boolean;

  /** Whether `unanswered` has any. */
  hasUnanswered(queue: string): boolean;

  /**
   * The recorded replies of a queue that were not confirmed, of records released before `beforeMs` (as Date.now) that
   * nobody holds, each once. They have to be forgotten when they are.
   */
  unanswered(queue: string, beforeMs: number): { readonly reply: Publication; readonly forget: () => void }[];

  /** Forgets the records of a queue that were released before `beforeMs` (as Date.now): their messages went elsewhere. */
  expire(queue: string, beforeMs: number): void;
}

/** A record as whoever does not hold it sees it. */
export interface Found {
  readonly ending: Ending | undefined;
  /** Resolves when it is gone for good; whoever holds it may go on, and writes nothing any more. */
  forget(): Promise<void>;
}

/** How a job ended, as it was written down. */
export interface Ending {
  readonly verdict: Verdict;
  /** The final reply as it is sent, however often: its message id stays the same. Undefined: nobody waits for it. */
  readonly reply?: Publication;
  /** The broker has confirmed it. */
  readonly isReplied: boolean;
}

/**
 * One record, held by whoever began or recalled it until it is settled or released. Each step but the last resolves when
 * it would survive the end of the process, and waits for as long as nothing can be written.
 */
export interface Entry {
  /** Undefined while the job has not ended. */
  readonly ending: Ending | undefined;
  /** Message id of the final reply. Where the message can be told from every other one, it is the same on every host. */
  readonly replyId: string;
  /** It was recalled: somebody began the job before. */
  readonly isRecalled: boolean;
  /** How often a daemon is known to have died while it ran this job. */
  readonly crashes: number;
  /** Whether the job runs: if the daemon dies, that counts then. At first it is taken to, unless it was recalled. */
  runs(isRunning: boolean): Promise<void>;
  ended(verdict: Verdict, reply: Publication | undefined): Promise<Ending>;
  replied(): Promise<void>;
  /** To be awaited before an acknowledgement is written. */
  acking(): Promise<void>;
  /** A copy has taken the place of the message, which only has to be acknowledged now. To be awaited likewise. */
  moved(): Promise<void>;
  /**
   * The broker has heard it for certain: the record is forgotten. 'soon', which is usual: a crash in the next moments may
   * bring it back; 'now': none does once this has resolved.
   */
  settled(removal?: 'soon' | 'now'): Promise<void>;
  /** The delivery was lost: the record waits for the message to come again. */
  released(): Promise<void>;
}
