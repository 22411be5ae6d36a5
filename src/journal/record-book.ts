import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Publication } from '../broker/broker.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Entry, Journal } from './journal.ts';
import type { MessagePrint } from './message-print.ts';
import type { JobRecord, RecordStore } from './record.ts';
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
  const held = new Set<JobRecord>();
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
    void store.remove(record);
  }

  function isSettledBy({ message, ending, state, wasOrphaned }: JobRecord): boolean {
    if (ending === undefined || message.identity === 'none') return false;
    if (state !== 'acking' || message.identity !== 'correlation') return true;
    return !wasOrphaned && !twins.hasTwin(message.print);
  }

  function newestOf(message: MessagePrint): JobRecord | undefined {
    return [...waiting].findLast((record) => record.message.print === message.print);
  }

  function entryOf(record: JobRecord, isRecalled: boolean): Entry {
    let ackedAtMs: number | undefined;
    return {
      isRecalled,
      replyId: record.replyId,
      crashes: record.crashes,
      get ending() {
        return record.ending;
      },
      async runs(isRunning) {
        if (isRunning === (record.releasedAtMs === undefined)) return;
        record.releasedAtMs = isRunning ? undefined : Date.now();
        await store.update(record);
      },
      async ended(verdict: Verdict, reply: Publication | undefined) {
        const ending = { verdict, isReplied: false, ...(reply === undefined ? {} : { reply }) };
        record.ending = ending;
        record.state = 'ended';
        await store.writeEnding(record);
        return ending;
      },
      async replied() {
        if (record.ending !== undefined) record.ending = { ...record.ending, isReplied: true };
        record.state = 'replied';
        await store.update(record);
      },
      async acking() {
        if (record.state !== 'acking') ackedAtMs = performance.now();
        if (record.ending !== undefined) record.ending = { ...record.ending, isReplied: true };
        record.state = 'acking';
        record.wasOrphaned = false;
        await store.update(record);
      },
      async moved() {
        const { ending } = record;
        if (ending !== undefined)
          record.ending = {
            ...ending,
            verdict: { ...ending.verdict, disposal: { kind: 'ack' } },
            isReplied: true,
          };
        record.state = 'acking';
        record.wasOrphaned = false;
        await store.writeEnding(record);
      },
      async settled() {
        held.delete(record);
        if (record.message.identity !== 'copy') return store.remove(record);
        record.state = 'settled';
        record.ending = undefined;
        record.releasedAtMs = Date.now();
        settledCopies.set(record.message.print, record);
        const [oldest] = settledCopies;
        if (settledCopies.size > most && oldest !== undefined) {
          settledCopies.delete(oldest[0]);
          void store.remove(oldest[1]);
        }
        await store.writeEnding(record);
      },
      async released() {
        if (!held.delete(record)) return;
        const isSilent = ackedAtMs !== undefined && performance.now() - ackedAtMs > silentMs;
        if (isSilent && record.message.identity === 'correlation') return store.remove(record);
        record.releasedAtMs = Date.now();
        waiting.add(record);
        const [oldest] = waiting;
        if (waiting.size > most && oldest !== undefined) forget(oldest);
        await store.update(record);
      },
    };
  }

  return {
    records: () => [...held, ...waiting, ...settledCopies.values()],
    async begin(message) {
      if (twins.see(message.print)) forgetDoubtful(message.print);
      const record: JobRecord = {
        id: nextId++,
        message,
        replyId: replyIdOf(message),
        crashes: 0,
        state: 'begun',
        ending: undefined,
        releasedAtMs: undefined,
        wasOrphaned: false,
      };
      held.add(record);
      await store.insert(record);
      return entryOf(record, false);
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
      held.add(record);
      return entryOf(record, true);
    },
    async find(replyId) {
      const record = [...held, ...waiting].find((one) => one.replyId === replyId);
      if (record === undefined) return undefined;
      return {
        ending: record.ending,
        async forget() {
          held.delete(record);
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
        held.add(record);
        return [{ reply: ending.reply, forget: () => (held.delete(record), void store.remove(record)) }];
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

/** Equal for equal messages that can be told from all others; otherwise random, since two equal messages are two jobs. */
function replyIdOf({ identity, print }: MessagePrint): string {
  if (identity !== 'copy' && identity !== 'message') return randomUUID();
  const hex = createHash('sha256').update(`final reply ${print}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
