import type { Delivery, Publication, SearchableBroker, Settlement } from '../broker/broker.ts';
import { BrokerError, type BrokerErrorKind } from '../broker/broker-error.ts';
import type { Announcer } from '../job/events.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Ending, Entry, Journal } from '../journal/journal.ts';
import { type MessagePrint, printOf } from '../journal/message-print.ts';
import { createTwinMemory } from '../journal/twin-memory.ts';
import { ACKNOWLEDGING, type Doubts, isInDoubt } from './doubts.ts';
import { factsOf } from './facts-of.ts';
import { REPLIES } from './local-queues.ts';
import { toStored, withPlainHeaders } from './stored-job.ts';
import { TOKEN } from './token.ts';

/*
 * Takes a message from the broker to the disk:
 *
 *   journal.begin ─→ stored, flushed ─→ entry.ended ─→ ack ─→ entry.settled
 *
 * A message that comes again is held against its record:
 *
 *                     begun                     stored               acknowledging
 *   copy, message id    stored, if not in file    only acknowledged    -
 *   correlation id      stored, if not in file    only acknowledged    likewise, if in file and without a twin; else another
 *   neither             stored, if not in file    another              -
 *
 * A twin is an equal message that was seen in the life of this daemon. In the file: the job or its final reply, found by the token of the record, in whoever's hands it is and whatever headers
 * it has gone back with. The reply stays there as long as there is a record, so that each of two equal steps under one
 * correlation id is run: re-core sends the second when it has heard the end of the first (doubts.ts).
 */

const BECAUSE = 'it was written to disk, to be worked from there';
const STORED: Verdict = {
  outcome: { kind: 'interrupted', reason: BECAUSE },
  disposal: { kind: 'ack' },
  because: BECAUSE,
};

/** After an error of ours: no message may stop its queue, or spin. */
const BUG_DELAY_MS = 60_000;
/** For how many messages it is known whether there was an equal one. */
const MOST_PRINTS = 10_000;

export interface IntakeOptions {
  /** Name of the runner, for the log. */
  readonly runner: string;
  /** Writes to the disk; rejects with BrokerError. */
  readonly store: (job: Publication) => Promise<void>;
  /** Writes a reply to the disk, likewise. */
  readonly storeReply: (reply: Publication) => Promise<void>;
  readonly local: Pick<SearchableBroker, 'writable' | 'holds'>;
  readonly journal: Journal;
  readonly doubts: Doubts;
  readonly events: Announcer;
}

/** Stores one message and acknowledges it, not before `mayAcknowledge`. Never rejects. */
export type Intake = (delivery: Delivery, mayAcknowledge: Promise<void>) => Promise<void>;

/** The intake of one queue. */
export function createIntake(options: IntakeOptions): Intake {
  const { runner, store, storeReply, local, journal, doubts, events } = options;
  const twins = createTwinMemory(MOST_PRINTS);

  async function take(delivery: Delivery, mayAcknowledge: Promise<void>): Promise<void> {
    const message = printOf(delivery);
    if (journal.hasSettled(message)) {
      events.emit('job:duplicate', factsOf(delivery, runner));
      await mayAcknowledge;
      await delivery.ack();
      return;
    }
    let entry = await openEntry(delivery, message);
    let settlement: Settlement = 'lost';
    try {
      if (await isOfAnother(entry, message)) {
        await settled(entry);
        entry = await begin(message);
      }
      const { ending } = entry;
      if (ending !== undefined && ending.verdict.because !== BECAUSE && !isInDoubt(ending)) {
        settlement = await finish(delivery, ending, entry);
      } else if (await bringToDisk(delivery, message, entry)) {
        await mayAcknowledge;
        if (await delivery.isReachable()) {
          // The others are known by their ids, or by nothing: to them it makes no difference.
          if (message.identity === 'correlation') await entry.ended(ACKNOWLEDGING, undefined);
          settlement = await delivery.ack();
        }
      }
    } finally {
      await (settlement === 'settled' ? settled(entry) : entry.released());
    }
  }

  async function openEntry(delivery: Delivery, message: MessagePrint): Promise<Entry> {
    const mayBeKnown = delivery.redelivered || message.identity === 'copy';
    const recalled = mayBeKnown ? await journal.recall(message) : undefined;
    return recalled ?? begin(message);
  }

  function begin(message: MessagePrint): Promise<Entry> {
    twins.see(message.print);
    // A random token, unlike the one that is made of a message id: that message may be sent again one day, as by `dead retry`.
    return journal.begin(message.identity === 'message' ? { ...message, identity: 'correlation' } : message);
  }

  async function settled(entry: Entry): Promise<void> {
    // From here on the next step may come, which equals this one.
    await entry.settled('now');
    doubts.clear(entry.replyId);
  }

  /** In doubt it is: to run twice is better than to lose one. */
  async function isOfAnother(
    { ending, replyId }: Entry,
    { identity, print, queue }: MessagePrint,
  ): Promise<boolean> {
    // Of a message id it may have been written by an earlier version.
    if (identity !== 'correlation' || !isInDoubt(ending)) return false;
    return twins.hasTwin(print) || !(await isInFile(queue, replyId));
  }

  async function isInFile(queue: string, token: string): Promise<boolean> {
    for (;;) {
      await local.writable();
      try {
        return (await local.holds(queue, TOKEN, token)) || (await local.holds(REPLIES, TOKEN, token));
      } catch (error) {
        if (kindOf(error) !== 'unavailable') throw error;
      }
    }
  }

  /** False: the message was lost before, and is not ours any more. */
  async function bringToDisk(delivery: Delivery, message: MessagePrint, entry: Entry): Promise<boolean> {
    const mayBeThere = entry.isRecalled || message.identity === 'copy';
    const isThere =
      entry.ending !== undefined || (mayBeThere && (await isInFile(message.queue, entry.replyId)));
    if (isThere) events.emit('job:joined', factsOf(delivery, runner));
    else if (!(await storeWhole(delivery, toStored(delivery, message, entry.replyId)))) return false;
    if (entry.ending === undefined) await entry.ended(STORED, undefined);
    return true;
  }

  /** With less of its headers where not all can be written down. False: as above. */
  async function storeWhole(delivery: Delivery, whole: Publication): Promise<boolean> {
    let job = whole;
    for (;;) {
      await local.writable();
      if (delivery.isLost) return false;
      try {
        await store(job);
        return true;
      } catch (error) {
        const kind = kindOf(error);
        if (kind === 'unencodable') job = withPlainHeaders(job);
        else if (kind !== 'unavailable') throw error;
      }
    }
  }

  /** Ends what was begun when this queue was not yet acknowledged at the receipt: its job was run. */
  async function finish(
    delivery: Delivery,
    { verdict: { disposal }, reply, isReplied }: Ending,
    entry: Entry,
  ): Promise<Settlement> {
    if (reply !== undefined && !isReplied) {
      await storeReply(reply);
      await entry.replied();
    }
    const onCopied = (): Promise<void> => entry.moved();
    switch (disposal.kind) {
      case 'requeue':
        return delivery.requeue({ ...disposal, onCopied });
      case 'dead-letter':
        return delivery.deadLetter({ headers: disposal.headers, onCopied });
      case 'ack':
        if (!(await delivery.isReachable())) return 'lost';
        await entry.acking();
        return delivery.ack();
    }
  }

  return async (delivery, mayAcknowledge) => {
    try {
      await take(delivery, mayAcknowledge);
    } catch (error) {
      // It is the end: what is not acknowledged comes again.
      if (error instanceof Error && error.name === 'AbortError') return;
      events.emit('bug', { where: `storing a message of ${delivery.queue}`, error });
      await delivery.requeue({ delayMs: BUG_DELAY_MS, headers: {} }).catch(() => {});
    }
  };
}

function kindOf(error: unknown): BrokerErrorKind | undefined {
  return error instanceof BrokerError ? error.kind : undefined;
}
