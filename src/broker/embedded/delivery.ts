import type { Delivery, Settlement } from '../broker.ts';
import { createSettling } from '../settle-once.ts';
import type { StoredMessage } from './message-table.ts';
import { type Parcel, post } from './parcel.ts';
import { decodeProperties, encodeProperties } from './properties.ts';
import type { Changes, Tables } from './tables.ts';

/** What a delivery knows of the consumer that it came by. */
export interface Settler {
  /** Does `work` in a transaction; false from it: the message is no longer this broker's. 'lost' as well when the broker is closed first. */
  settle(work: (tables: Tables, changes: Changes) => boolean, bytes: number): Promise<Settlement>;
  /** Whether the death of this process counts against the message. */
  blame(counts: boolean): Promise<void>;
  readonly owner: string;
  readonly queue: string;
  readonly deadLetter: string;
  /** True once the message is in somebody else's hands, or will be. */
  readonly isLost: boolean;
}

/** A delivery that last words can be attached to. */
export interface EmbeddedDelivery extends Delivery {
  /** Posts a parcel in the very transaction that settles. False: that has begun already, or the delivery is lost. */
  attach(parcel: Parcel): boolean;
}

/** A message in this broker's hands, with its body wherever that lay. */
export function createDelivery(
  stored: StoredMessage,
  { buffer, byteOffset, byteLength }: Uint8Array,
  settler: Settler,
): EmbeddedDelivery {
  const { exchange, properties } = decodeProperties(stored.properties);
  const { owner, queue } = settler;
  const body = Buffer.from(buffer, byteOffset, byteLength);
  const settling = createSettling();
  const attached: Parcel[] = [];
  let isBegun = false;
  let isBlamed = stored.crashes === 0;

  function settle(work: (tables: Tables, changes: Changes) => boolean, bytes: number): Promise<Settlement> {
    return settling.settle(() => {
      isBegun = true;
      return settler.settle((tables, changes) => {
        // What was handed out again, or lies in another file, may be somebody's under the same id.
        const isOurs = !settler.isLost && work(tables, changes);
        // In any case: when it was taken from us and comes back, the record of this run settles it without a word.
        for (const parcel of attached) post(parcel, tables, changes);
        return isOurs;
      }, bytes);
    });
  }

  function withHeaders(headers: Readonly<Record<string, unknown>>): string {
    const all = Object.entries({ ...properties.headers, ...headers });
    const present = all.filter(([, value]) => value !== undefined);
    return encodeProperties({ ...properties, headers: Object.fromEntries(present) });
  }

  return {
    queue,
    exchange,
    message: { body, properties },
    redelivered: stored.redelivered !== 0,
    crashes: stored.crashes,
    async blame(counts) {
      if (counts === isBlamed) return;
      isBlamed = counts;
      await settler.blame(counts);
    },
    get isLost() {
      return settler.isLost && !settling.isSettled;
    },
    isReachable: async () => !settler.isLost,
    ack: () => settle(({ messages }) => messages.remove(stored.id, owner), 0),
    requeue({ delayMs, headers }) {
      const text = withHeaders(headers);
      const due = delayMs > 0 ? Date.now() + Math.ceil(delayMs) + 1 : 0;
      return settle(({ messages }, { ready, delayed }) => {
        (due === 0 ? ready : delayed).add(stored.queue);
        return messages.move(stored.id, owner, { queue: stored.queue, due, properties: text });
      }, body.length);
    },
    deadLetter({ headers }) {
      const text = withHeaders(headers);
      return settle(({ messages, queues }, { ready }) => {
        const target = queues.findOrMake(settler.deadLetter);
        ready.add(target);
        return messages.move(stored.id, owner, { queue: target, due: 0, properties: text });
      }, body.length);
    },
    attach(parcel) {
      if (isBegun || settler.isLost) return false;
      attached.push(parcel);
      return true;
    },
  };
}
