import { BrokerError } from '../broker-error.ts';
import { DURATION_UNITS, durationText } from './duration-text.ts';
import { typeArgument } from './topology.ts';

/*
 * RabbitMQ has no delayed publication for us: a message waits in a queue whose messages expire after the delay and
 * are dead-lettered back to where they came from. One queue per delay, because a queue expires messages at its
 * head only: in a shared one, five minutes would wait behind an hour.
 */

const HOUR_MS = 3_600_000;
/** RabbitMQ counts in 32 bits, and a wait queue must outlive its messages. */
export const LONGEST_DELAY_MS = 24 * 24 * HOUR_MS;

const LONGEST_LIFE_MS = 49 * 24 * HOUR_MS;
/** How much longer a queue may refuse what has waited, and nobody put more into the wait queue meanwhile. */
const REFUSED_MS = 7 * 24 * HOUR_MS;

/** How a wait queue is declared, and how long its messages wait in it: at least as long as was asked for. */
export interface WaitQueue {
  readonly name: string;
  readonly delayMs: number;
  readonly queueArguments: Readonly<Record<string, unknown>>;
  /** How often it is to be renewed where it is used, to outlive each message that is put into it. */
  readonly renewMs: number;
}

/** The wait queue for a delay, rounded up to two significant digits of its unit (125 s: 2.1 minutes) so that there are few. */
export function waitQueueFor(queue: string, delayMs: number, queueType: string | undefined): WaitQueue {
  if (delayMs > LONGEST_DELAY_MS) {
    throw new BrokerError('refused', `a delay of ${delayMs} ms is longer than RabbitMQ can wait (24 days)`);
  }
  const roundedMs = roundUp(delayMs);
  const isQuorum = queueType === 'quorum';
  return {
    // Another name, so that none of another type is in the way.
    name: `${queue}.wait.${durationText(roundedMs)}${isQuorum ? '.quorum' : ''}`,
    delayMs: roundedMs,
    queueArguments: {
      ...typeArgument(queueType),
      'x-message-ttl': roundedMs,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': queue,
      // The queue goes, whatever is in it, when it was not renewed for so long: after its last message left, by a wide margin.
      'x-expires': isQuorum ? Math.min(roundedMs * 2 + REFUSED_MS, LONGEST_LIFE_MS) : roundedMs * 2 + HOUR_MS,
      // A quorum queue else dead-letters at most once. Its two settings go together.
      ...(isQuorum ? { 'x-overflow': 'reject-publish', 'x-dead-letter-strategy': 'at-least-once' } : {}),
    },
    renewMs: roundedMs + HOUR_MS / 2,
  };
}

function roundUp(delayMs: number): number {
  const wholeMs = Math.max(1, Math.ceil(delayMs));
  const [, unitMs] = DURATION_UNITS.find(([, ms]) => wholeMs >= ms) ?? ['ms', 1];
  const digits = Math.ceil(Math.log10(wholeMs / unitMs + Number.EPSILON));
  const stepMs = Math.max(1, unitMs * 10 ** (Math.max(1, digits) - 2));
  return Math.ceil(wholeMs / stepMs) * stepMs;
}
