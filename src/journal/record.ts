import type { Ending } from './journal.ts';
import type { MessagePrint } from './message-print.ts';

/** How far a job is: see journal.ts. `settled` records are those of copies, kept so that a second one is known. */
export type RecordState = 'begun' | 'ended' | 'replied' | 'acking' | 'settled';

/** What is known of one job. */
export interface JobRecord {
  readonly id: number;
  readonly message: MessagePrint;
  readonly replyId: string;
  readonly crashes: number;
  state: RecordState;
  ending: Ending | undefined;
  /** Milliseconds since 1970; undefined while its job runs, or has ended and is not yet settled. */
  releasedAtMs: number | undefined;
  /** Its daemon died with it in hand: whether an equal message was on its way there is not known. */
  wasOrphaned: boolean;
  /** Set while a write of its state waits: one is enough, whatever has changed until then. */
  update?: Promise<void> | undefined;
}

/** Where records are kept. Each write resolves when it would survive the end of the process. */
export interface RecordStore {
  insert(record: JobRecord): Promise<void>;
  /** Writes the verdict and the reply, together with all else that may have changed. */
  writeEnding(record: JobRecord): Promise<void>;
  /** Writes state and release. */
  update(record: JobRecord): Promise<void>;
  remove(record: JobRecord): Promise<void>;
  /** Removes it with whatever is written next: nobody waits for it. */
  forget(record: JobRecord): void;
}

/** Keeps nothing beyond the process. */
export const NO_STORE: RecordStore = {
  insert: async () => {},
  writeEnding: async () => {},
  update: async () => {},
  remove: async () => {},
  forget: () => {},
};
