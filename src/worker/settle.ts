import { setTimeout as wait } from 'node:timers/promises';
import type { Delivery, Settlement } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';
import { formatDuration } from '../job/duration.ts';
import type { Disposal, Verdict } from '../job/verdict.ts';
import type { Entry } from '../journal/journal.ts';
import { readHistory, writeHistory } from '../protocol/history.ts';
import type { Running } from './running.ts';
import type { Workplace } from './workplace.ts';

const KEPT_AGAIN_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** How a message was let go. */
export interface Settled {
  readonly settlement: Settlement;
  /** What was done with it at last: what the verdict says, or what had to be done instead. */
  readonly disposal: Disposal;
}

/*
 * Tells the broker what becomes of a job's message. What the broker cannot do is done otherwise: the message is
 * neither dropped nor run again, and holds no slot if that can be helped.
 *
 *   dead-letter     nobody made the queue       put back for a minute, marked as answered; then again
 *   requeue later   no wait queue may be made   waited for here, then requeue at once
 *   requeue         the queue is full, or gone  tried again, for as long as the delivery is good
 */
export async function settle(
  running: Running,
  verdict: Verdict,
  entry: Pick<Entry, 'acking' | 'moved'>,
  { events, closing }: Pick<Workplace, 'events' | 'closing'>,
): Promise<Settled> {
  let todo = verdict.disposal;
  let disposal = todo;
  for (let retryInMs = FIRST_RETRY_MS; ; retryInMs = Math.min(retryInMs * 2, LONGEST_RETRY_MS)) {
    const { delivery } = running;
    try {
      const settlement = await carryOut(delivery, todo, entry);
      if (settlement === 'moved') todo = { kind: 'ack' };
      // While it was under way the message may have come again: then that delivery is the one to settle.
      if (settlement === 'settled' || running.delivery === delivery) return { settlement, disposal };
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      const instead = insteadOf(todo, running, verdict, retryInMs);
      const { waitMs } = instead;
      events.emit('settle:stuck', { ...running.facts, disposal: todo.kind, reason: error.message, waitMs });
      if (closing.aborted && todo.kind === 'requeue') return { settlement: 'lost', disposal };
      await wait(waitMs, undefined, { ref: false, signal: closing }).catch(() => {});
      todo = instead.disposal;
      disposal = todo;
    }
  }
}

function insteadOf(
  disposal: Disposal,
  running: Running,
  { because }: Verdict,
  retryInMs: number,
): { disposal: Disposal; waitMs: number } {
  switch (disposal.kind) {
    case 'dead-letter': {
      const answered = { ...readHistory(running.delivery.message), replied: true };
      const headers = writeHistory(answered, because);
      return { disposal: { kind: 'requeue', delayMs: KEPT_AGAIN_MS, headers }, waitMs: 0 };
    }
    case 'requeue':
      return {
        disposal: { ...disposal, delayMs: 0 },
        waitMs: disposal.delayMs === 0 ? retryInMs : disposal.delayMs,
      };
    case 'ack':
      return { disposal, waitMs: retryInMs };
  }
}

async function carryOut(
  delivery: Delivery,
  disposal: Disposal,
  entry: Pick<Entry, 'acking' | 'moved'>,
): Promise<Settlement> {
  const onCopied = (): Promise<void> => entry.moved();
  switch (disposal.kind) {
    case 'ack':
      // As long as nothing is written, the message is the broker's for certain.
      if (!(await delivery.isReachable())) return 'lost';
      await entry.acking();
      return delivery.ack();
    case 'requeue':
      return delivery.requeue({ ...disposal, onCopied });
    case 'dead-letter':
      return delivery.deadLetter({ headers: disposal.headers, onCopied });
  }
}

/** What was done with a message, for the log. */
export function describeDisposal({ disposal, settlement }: Settled): string {
  const lost = settlement === 'settled' ? '' : ' (its delivery was lost; done when it comes again)';
  switch (disposal.kind) {
    case 'ack':
      return `acknowledged${lost}`;
    case 'requeue':
      return `${disposal.delayMs === 0 ? 'put back' : `put back for ${formatDuration(disposal.delayMs)}`}${lost}`;
    case 'dead-letter':
      return `dead-lettered${lost}`;
  }
}
