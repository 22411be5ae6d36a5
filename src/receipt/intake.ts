import {
  type Broker,
  BrokerError,
  type Delivery,
  type Publication,
  type Settlement,
} from '../broker/broker.ts';
import type { Announcer } from '../job/events.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Ending, Entry, Journal } from '../journal/journal.ts';
import { type MessagePrint, printOf } from '../journal/message-print.ts';
import { createTwinMemory } from '../journal/twin-memory.ts';
import { factsOf } from './facts-of.ts';
import { toStored, withPlainHeaders } from './stored-job.ts';

/*
 * Takes a message from the broker to the disk:
 *
 *   journal.begin ─→ stored, flushed ─→ entry.ended ─→ ack ─→ entry.settled
 *
 * A message that comes again is held against its record:
 *
 *   begun                   the daemon died: it is stored (again), with the token of the record
 *   ended, copy/message id  it is only acknowledged
 *   ended, correlation id   it is stored again with the same token, unless equal messages were seen: then it is another
 *   ended, neither          it is another
 *
 * Of two copies with one token the second is dropped if the first has been in hand in the life of this daemon
 * (copies-in-hand.ts). So each of two equal steps under one correlation id is run: re-core sends the second when the
 * first has been answered, and is off the disk.
 */

const BECAUSE = 'it was written to disk, to be worked from there';
const STORED: Verdict = {
  outcome: { kind: 'interrupted', reason: BECAUSE },
  disposal: { kind: 'ack' },
  because: BECAUSE,
};
const ACK_BEGUN = `${BECAUSE}, and its acknowledgement may have been written`;
const ACKNOWLEDGING: Verdict = { ...STORED, because: ACK_BEGUN };

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
  readonly local: Pick<Broker, 'writable'>;
  readonly journal: Journal;
  readonly events: Announcer;
}

/** Stores one message and acknowledges it, not before `mayAcknowledge`. Never rejects. */
export type Intake = (delivery: Delivery, mayAcknowledge: Promise<void>) => Promise<void>;

/** The intake of one queue. */
export function createIntake(options: IntakeOptions): Intake {
  const { runner, store, storeReply, local, journal, events } = options;
  const twins = createTwinMemory(MOST_PRINTS);

  async function take(delivery: Delivery, mayAcknowledge: Promise<void>): Promise<void> {
    const message = printOf(delivery);
    if (journal.hasSettled(message)) {
      events.emit('job:duplicate', factsOf(delivery, runner));
      await mayAcknowledge;
      await delivery.ack();
      return;
    }
    const entry = await openEntry(delivery, message);
    let settlement: Settlement = 'lost';
    try {
      const { ending } = entry;
      if (ending !== undefined && ![BECAUSE, ACK_BEGUN].includes(ending.verdict.because)) {
        settlement = await finish(delivery, ending, entry);
      } else if (await bringToDisk(delivery, message, entry)) {
        await mayAcknowledge;
        if (await delivery.isReachable()) {
          await entry.ended(ACKNOWLEDGING, undefined);
          settlement = await delivery.ack();
        }
      }
    } finally {
      await (settlement === 'settled' ? entry.settled() : entry.released());
    }
  }

  async function openEntry(delivery: Delivery, message: MessagePrint): Promise<Entry> {
    const mayBeKnown = delivery.redelivered || message.identity === 'copy';
    const recalled = mayBeKnown ? await journal.recall(message) : undefined;
    if (recalled !== undefined && !(isUnsure(message) && twins.hasTwin(message.print))) return recalled;
    await recalled?.settled();
    twins.see(message.print);
    // A random token, unlike the one that is made of a message id: that message may be sent again one day, as by `dead retry`.
    return journal.begin(message.identity === 'message' ? { ...message, identity: 'correlation' } : message);
  }

  /** False: the message was lost before, and is not ours any more. */
  async function bringToDisk(delivery: Delivery, message: MessagePrint, entry: Entry): Promise<boolean> {
    if (entry.ending !== undefined && (!isUnsure(message) || entry.ending.verdict.because === BECAUSE)) {
      events.emit('job:joined', factsOf(delivery, runner));
      return true;
    }
    let job = toStored(delivery, message, entry.replyId);
    for (;;) {
      await local.writable();
      if (delivery.isLost) return false;
      try {
        await store(job);
        if (entry.ending === undefined) await entry.ended(STORED, undefined);
        return true;
      } catch (error) {
        const kind = error instanceof BrokerError ? error.kind : undefined;
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

function isUnsure({ identity }: MessagePrint): boolean {
  return identity === 'correlation';
}
