import { randomInt } from 'node:crypto';
import { Chain } from '../broker/chain.ts';
import { HeldRecord, type Shelves } from './held-record.ts';
import type { Journal } from './journal.ts';
import type { MessagePrint } from './message-print.ts';
import type { JobRecord, RecordStore } from './record.ts';
import { finalReplyId } from './reply-id.ts';
import { createTwinMemory } from './twin-memory.ts';

/** How many records wait at most, how many settled copies are known, and how many prints for telling equal messages. */
const MOST_REMEMBERED = 10_000;
/** Where a journal's ids begin: anywhere in a range so wide that two journals can become one. */
const ID_RANGE = 2 ** 48 - 1;
/** An acknowledgement that stays unanswered for longer was written into a silence, in which an equal message may have come and gone. */
const SILENT_MS = 1_000;

/**
 * The journal's rules, over whatever keeps its records; `known` are those of daemons that have gone. All that rules
 * ask for is in memory, and bounded: the store is only written to.
 */
export function createRecordBook(
  store: RecordStore,
  {
    known = [],
    most = MOST_REMEMBERED,
    silentMs = SILENT_MS,
  }: { known?: readonly JobRecord[]; most?: number; silentMs?: number } = {},
): Journal & { readonly records: () => JobRecord[] } {
  const held = new Chain<HeldRecord>();
  /** Released records, oldest first. */
  const waiting = new Set<JobRecord>();
  /** Copies that were settled, oldest first, by their print. */
  const settledCopies = new Map<string, JobRecord>();
  const twins = createTwinMemory(most);
  // One after the other: what is written together lies together, and few pages of the file change.
  let nextId = randomInt(ID_RANGE);

  for (const record of known) {
    if (record.state === 'settled') settledCopies.set(record.message.print, record);
    else waiting.add(record);
  }

  /** What waits with an acknowledgement that may have been written can from now on be an equal message's as well. */
  function forgetDoubtful(print: string): void {
    for (const record of waiting) {
      const { message, state } = record;
      if (message.print === print && message.identity === 'correlation' && state === 'acking') forget(record);
    }
  }

  /** Nobody waits for it: what is not removed now is removed as expired one day. */
  function forget(record: JobRecord): void {
    waiting.delete(record);
    store.forget(record);
  }

  function isSettledBy({ message, ending, state, wasOrphaned }: JobRecord): boolean {
    if (ending === undefined || message.identity === 'none') return false;
    if (state !== 'acking' || message.identity !== 'correlation') return true;
    return !wasOrphaned && !twins.hasTwin(message.print);
  }

  function newestOf(message: MessagePrint): JobRecord | undefined {
    return [...waiting].findLast((record) => record.message.print === message.print);
  }

  const shelves: Shelves = {
    store,
    held,
    silentMs,
    wait(record) {
      waiting.add(record);
      const [oldest] = waiting;
      if (waiting.size > most && oldest !== undefined) forget(oldest);
    },
    keepSettled(record) {
      settledCopies.set(record.message.print, record);
      const [oldest] = settledCopies;
      if (settledCopies.size <= most || oldest === undefined) return;
      settledCopies.delete(oldest[0]);
      store.forget(oldest[1]);
    },
  };

  return {
    records: () => [...held.values().map(({ record }) => record), ...waiting, ...settledCopies.values()],
    async begin(message) {
      if (twins.see(message.print)) forgetDoubtful(message.print);
      const record: JobRecord = {
        id: nextId++,
        message,
        replyId: finalReplyId(message),
        crashes: 0,
        state: 'begun',
        ending: undefined,
        releasedAtMs: undefined,
        wasOrphaned: false,
      };
      const entry = new HeldRecord(record, false, shelves);
      await store.insert(record);
      return entry;
    },
    async recall(message) {
      const record = newestOf(message);
      if (record === undefined) return undefined;
      if (record.ending !== undefined && !isSettledBy(record)) {
        // Whichever message this is: it had better run, and what is known of the other one is of no more use.
        forget(record);
        return undefined;
      }
      waiting.delete(record);
      return new HeldRecord(record, true, shelves);
    },
    async find(replyId) {
      const entry = held.values().find((one) => one.replyId === replyId);
      const record = entry?.record ?? [...waiting].find((one) => one.replyId === replyId);
      if (record === undefined) return undefined;
      return {
        ending: record.ending,
        async forget() {
          // Whoever recalled it since holds it.
          for (const one of held.values()) if (one.record === record) one.leave();
          waiting.delete(record);
          await store.remove(record);
        },
      };
    },
    hasSettled: ({ identity, print }) => identity === 'copy' && settledCopies.has(print),
    hasUnanswered: (queue) => [...waiting].some((record) => isUnanswered(record, queue)),
    unanswered(queue, beforeMs) {
      return [...waiting].flatMap((record) => {
        const { releasedAtMs = 0, ending } = record;
        if (!isUnanswered(record, queue) || releasedAtMs >= beforeMs || ending?.reply === undefined)
          return [];
        waiting.delete(record);
        const entry = new HeldRecord(record, true, shelves);
        return [{ reply: ending.reply, forget: () => (entry.leave(), void store.remove(record)) }];
      });
    },
    expire(queue, beforeMs) {
      for (const record of waiting) {
        if (record.message.queue === queue && (record.releasedAtMs ?? 0) < beforeMs) forget(record);
      }
    },
  };
}

function isUnanswered({ message, ending }: JobRecord, queue: string): boolean {
  return message.queue === queue && ending?.reply !== undefined && !ending.isReplied;
}
