import type { CopyOptions, Delivery, Message, RequeueOptions, Settlement } from '../broker.ts';
import { Settling } from '../settle-once.ts';
import type { StoredMessage } from './message-table.ts';
import { type Parcel, post } from './parcel.ts';
import { decodeProperties, encodeProperties } from './properties.ts';
import type { Changes, QueueCommitter, Tables } from './tables.ts';

/** Writes what becomes of a message; false: it is not this broker's any more. */
export type SettlingWork = (tables: Tables, changes: Changes) => boolean;

/** What a delivery knows of the consumer that it came by. */
export interface Keeper {
  readonly queue: string;
  readonly owner: string;
  readonly deadLetter: string;
  readonly committer: QueueCommitter;
  /** All that the broker has in hand, by its id. */
  readonly inHand: Map<number, EmbeddedDelivery>;
  /** Sees to it that the queue is there; its id. */
  declare(tables: Tables): number;
  /** Counts out a delivery, by what `Room.take` gave for it. */
  countOut(place: number): void;
  /** Does `work` in a transaction: what it returned. Rejects when the broker is closed first. */
  settle(work: SettlingWork, bytes: number): Promise<boolean>;
}

/**
 * A message in this broker's hands, with its body wherever that lay. A class, since there is one for each job: an object
 * with accessors of its own takes longer to make than a message to read.
 */
export class EmbeddedDelivery implements Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly message: Message;
  readonly redelivered: boolean;
  readonly crashes: number;
  readonly #keeper: Keeper;
  readonly #owner: string;
  #stored: Pick<StoredMessage, 'id' | 'large' | 'queue' | 'properties'>;
  /** From `Room.take`, until it is counted out. */
  #place: number | undefined;
  readonly #settling = new Settling();
  readonly #attached: Parcel[] = [];
  #isBegun = false;
  #isTaken = false;
  #isBlamed: boolean;

  constructor(
    stored: StoredMessage,
    { buffer, byteOffset, byteLength }: Uint8Array,
    place: number,
    keeper: Keeper,
  ) {
    const { exchange, properties } = decodeProperties(stored.properties);
    this.queue = keeper.queue;
    this.exchange = exchange;
    this.message = { body: Buffer.from(buffer, byteOffset, byteLength), properties };
    this.redelivered = stored.redelivered !== 0;
    this.crashes = stored.crashes;
    this.#keeper = keeper;
    this.#owner = keeper.owner;
    const { id, large, queue, properties: text } = stored;
    this.#stored = { id, large, queue, properties: text };
    this.#place = place;
    this.#isBlamed = stored.crashes === 0;
  }

  /** Of its message, in the file as it is now. */
  get id(): number {
    return this.#stored.id;
  }

  get isLost(): boolean {
    return !this.#isHeld && !this.#settling.isSettled;
  }

  async isReachable(): Promise<boolean> {
    return this.#isHeld;
  }

  async blame(counts: boolean): Promise<void> {
    if (counts === this.#isBlamed) return;
    this.#isBlamed = counts;
    const work = ({ messages }: Tables): void => messages.blame(this.id, this.#owner, counts);
    // Closed first: then nobody dies of it here.
    await this.#keeper.committer.commit({ mustLast: false, work }).catch(() => {});
  }

  ack(): Promise<Settlement> {
    return this.#settle(({ messages }) => messages.remove(this.#stored, this.#owner), 0);
  }

  requeue({ delayMs, headers }: RequeueOptions): Promise<Settlement> {
    const properties = this.#propertiesWith(headers);
    const due = delayMs > 0 ? Date.now() + Math.ceil(delayMs) + 1 : 0;
    return this.#settle(({ messages }, { ready, delayed }) => {
      (due === 0 ? ready : delayed).add(this.#stored.queue);
      return messages.move(this.id, this.#owner, { queue: this.#stored.queue, due, properties });
    }, this.message.body.length);
  }

  deadLetter({ headers }: CopyOptions): Promise<Settlement> {
    const properties = this.#propertiesWith(headers);
    return this.#settle(({ messages, queues }, { ready }) => {
      const queue = queues.findOrMake(this.#keeper.deadLetter);
      ready.add(queue);
      return messages.move(this.id, this.#owner, { queue, due: 0, properties });
    }, this.message.body.length);
  }

  /** It was handed out again: whatever becomes of this delivery, the message is not its any more. */
  lose(): void {
    this.#isTaken = true;
    this.#countOut();
  }

  /** Takes its message along into a file that has taken the place of the last one; lost if somebody else has it there. */
  moveInto(tables: Tables): void {
    const queue = this.#keeper.declare(tables);
    const { body } = this.message;
    const redelivered = this.redelivered ? 1 : 0;
    const { crashes } = this;
    const message = { ...this.#stored, queue, body, redelivered, crashes, isBlamed: this.#isBlamed };
    const held = tables.messages.hold(message, this.#owner);
    if (held === undefined) this.lose();
    else this.#stored = { ...this.#stored, ...held, queue };
  }

  /** Whether it came from this database. */
  isFrom(committer: QueueCommitter): boolean {
    return this.#keeper.committer === committer;
  }

  /** Posts a parcel in the very transaction that settles. False: that has begun already, or the delivery is lost. */
  attach(parcel: Parcel): boolean {
    if (this.#isBegun || !this.#isHeld) return false;
    this.#attached.push(parcel);
    return true;
  }

  /** False once the message is in somebody else's hands, or will be. */
  get #isHeld(): boolean {
    return !this.#isTaken && !this.#keeper.committer.isClosed;
  }

  #settle(work: SettlingWork, bytes: number): Promise<Settlement> {
    return this.#settling.settle(async () => {
      this.#isBegun = true;
      const workAndPost: SettlingWork = (tables, changes) => {
        // What was handed out again may be somebody's under the same id.
        const isOurs = this.#isHeld && work(tables, changes);
        // In any case: when it was taken from us and comes back, the record of this run settles it without a word.
        for (const parcel of this.#attached) post(parcel, tables, changes);
        return isOurs;
      };
      this.#countOut();
      const settled = this.#keeper.settle(workAndPost, bytes);
      return settled.then(
        (isOurs) => {
          this.#leave();
          return isOurs ? 'settled' : 'lost';
        },
        () => 'lost',
      );
    });
  }

  /** Once it is certain: until then another file may take the place of the one that this was written to. */
  #leave(): void {
    const { inHand } = this.#keeper;
    if (inHand.get(this.id) === this) inHand.delete(this.id);
  }

  /** It takes no more room: who is settled, or lost, makes room for another. */
  #countOut(): void {
    if (this.#place !== undefined) this.#keeper.countOut(this.#place);
    this.#place = undefined;
  }

  #propertiesWith(headers: Readonly<Record<string, unknown>>): string {
    const { properties } = this.message;
    const all = Object.entries({ ...properties.headers, ...headers });
    const present = all.filter(([, value]) => value !== undefined);
    return encodeProperties({ ...properties, headers: Object.fromEntries(present) });
  }
}
