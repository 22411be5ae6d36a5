import type { Publication } from '../broker/broker.ts';
import type { Chain, Place } from '../broker/chain.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Ending, Entry } from './journal.ts';
import type { JobRecord, RecordStore } from './record.ts';

/** Where a book keeps its records, and by which rules. */
export interface Shelves {
  readonly store: RecordStore;
  readonly held: Chain<HeldRecord>;
  /** Takes a record that waits for its message to come again. */
  readonly wait: (record: JobRecord) => void;
  /** Takes a copy that was settled. */
  readonly keepSettled: (record: JobRecord) => void;
  /** An acknowledgement that stays unanswered for longer was written into a silence. */
  readonly silentMs: number;
}

/** A record in the hands of whoever works its job. */
export class HeldRecord implements Entry {
  readonly record: JobRecord;
  readonly isRecalled: boolean;
  readonly #shelves: Shelves;
  readonly #place: Place<HeldRecord>;
  #ackedAtMs: number | undefined;

  constructor(record: JobRecord, isRecalled: boolean, shelves: Shelves) {
    this.record = record;
    this.isRecalled = isRecalled;
    this.#shelves = shelves;
    this.#place = shelves.held.add(this);
  }

  get replyId(): string {
    return this.record.replyId;
  }

  get crashes(): number {
    return this.record.crashes;
  }

  get ending(): Ending | undefined {
    return this.record.ending;
  }

  async runs(isRunning: boolean): Promise<void> {
    const { record } = this;
    if (isRunning === (record.releasedAtMs === undefined)) return;
    record.releasedAtMs = isRunning ? undefined : Date.now();
    await this.#shelves.store.update(record);
  }

  async ended(verdict: Verdict, reply: Publication | undefined): Promise<Ending> {
    const { record } = this;
    const ending = { verdict, isReplied: false, ...(reply === undefined ? {} : { reply }) };
    record.ending = ending;
    record.state = 'ended';
    await this.#shelves.store.writeEnding(record);
    return ending;
  }

  replied(): Promise<void> {
    const { record } = this;
    if (record.ending !== undefined) record.ending = { ...record.ending, isReplied: true };
    record.state = 'replied';
    return this.#shelves.store.update(record);
  }

  acking(): Promise<void> {
    const { record } = this;
    if (record.state !== 'acking') this.#ackedAtMs = performance.now();
    if (record.ending?.isReplied === false) record.ending = { ...record.ending, isReplied: true };
    record.state = 'acking';
    record.wasOrphaned = false;
    return this.#shelves.store.update(record);
  }

  moved(): Promise<void> {
    const { record } = this;
    const { ending } = record;
    if (ending !== undefined) {
      const verdict = { ...ending.verdict, disposal: { kind: 'ack' } } as const;
      record.ending = { ...ending, verdict, isReplied: true };
    }
    record.state = 'acking';
    record.wasOrphaned = false;
    return this.#shelves.store.writeEnding(record);
  }

  async settled(removal: 'soon' | 'now' = 'soon'): Promise<void> {
    const { record } = this;
    const { store, keepSettled } = this.#shelves;
    this.leave();
    if (record.message.identity !== 'copy')
      return removal === 'soon' ? store.forget(record) : store.remove(record);
    record.state = 'settled';
    record.ending = undefined;
    record.releasedAtMs = Date.now();
    keepSettled(record);
    await store.writeEnding(record);
  }

  async released(): Promise<void> {
    const { record } = this;
    const { store, wait, silentMs } = this.#shelves;
    if (!this.leave()) return;
    const isSilent = this.#ackedAtMs !== undefined && performance.now() - this.#ackedAtMs > silentMs;
    if (isSilent && record.message.identity === 'correlation') return store.forget(record);
    record.releasedAtMs = Date.now();
    wait(record);
    await store.update(record);
  }

  /** Nobody holds it any more. False: nobody did. */
  leave(): boolean {
    const wasHeld = this.#place.value !== undefined;
    this.#shelves.held.remove(this.#place);
    return wasHeld;
  }
}
