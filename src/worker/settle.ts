import { setTimeout as wait } from 'node:timers/promises';
import { BrokerError, type Delivery, type Settlement } from '../broker/broker.ts';
import { formatDuration } from '../job/duration.ts';
import type { Announcer } from '../job/events.ts';
import type { Disposal } from '../job/verdict.ts';
import type { Running } from './running.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Tells the broker what becomes of a job's message. A disposal that the broker cannot carry out (a dead-letter
 * queue that nobody made) is tried again for as long as the delivery is good: the message is neither dropped
 * nor run again.
 */
export async function settle(running: Running, disposal: Disposal, events: Announcer): Promise<Settlement> {
  let todo = disposal;
  for (let retryInMs = FIRST_RETRY_MS; ; retryInMs = Math.min(retryInMs * 2, LONGEST_RETRY_MS)) {
    const { delivery } = running;
    try {
      const settlement = await carryOut(delivery, todo);
      if (settlement === 'moved') todo = { kind: 'ack' };
      // While it was under way the message may have come again: then that delivery is the one to settle.
      if (settlement === 'settled' || running.delivery === delivery) return settlement;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      events.emit('settle:stuck', {
        ...running.facts,
        disposal: todo.kind,
        reason: error.message,
        retryInMs,
      });
      await wait(retryInMs, undefined, { ref: false });
      if (delivery.isLost && running.delivery === delivery) return 'lost';
    }
  }
}

function carryOut(delivery: Delivery, disposal: Disposal): Promise<Settlement> {
  switch (disposal.kind) {
    case 'ack':
      return delivery.ack();
    case 'requeue':
      return delivery.requeue(disposal);
    case 'dead-letter':
      return delivery.deadLetter(disposal.headers);
  }
}

/** What was done with a message, for the log. */
export function describeDisposal(disposal: Disposal, settlement: Settlement): string {
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
