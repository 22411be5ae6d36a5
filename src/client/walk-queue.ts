import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, BrokerEvents, Delivery, Message } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';

/*
 * Looks at the messages of a queue, each once and in order, and leaves most of them where they are.
 *
 * A message can only be looked at by taking it: it is held, unsettled, until the broker is closed and then goes back
 * to its old place. Only so many can be held. In a longer queue the first ones are put back to the tail at once, as
 * copies that come behind all that have not been looked at.
 *
 * Quorum queues count how often they hand out a message, and drop it after the 20th time. One that has been looked
 * at often is put back as a copy as well, for which the broker counts from the start.
 *
 * A copy comes without what the broker itself has noted on the message; `copyHeaders` tells it what of that matters.
 */

export interface WalkOptions {
  /** How many messages to look at: no more than there were when the walk began, or copies would be met again. */
  readonly count: number;
  /** How many messages to hold at a time. */
  readonly prefetch: number;
  /**
   * Undefined: the message stays on its queue. Else a promise, which must not reject, of whether it was settled or is
   * left on its queue after all.
   */
  readonly look: (delivery: Delivery) => Promise<'settled' | 'left'> | undefined;
  /** Headers that are added where a message is put back as a copy. */
  readonly copyHeaders: (message: Message) => Readonly<Record<string, unknown>>;
  /** Ends the walk early. */
  readonly signal: AbortSignal;
}

const MOST_HANDED_OUT = 10;
const OPEN_LIMIT_MS = 10_000;
/** Nothing has come for so long although something should have: others have taken it. */
const IDLE_MS = 3_000;
/** What is under way when a walk ends early. */
const FAREWELL_MS = 5_000;

/**
 * Walks a queue; closing the broker afterwards puts back what is held. Resolves with how many messages it looked at:
 * fewer than `count` when others take them away meanwhile. Rejects with BrokerError 'unavailable' when the queue
 * cannot be consumed, with `signal`'s reason when that aborts.
 */
export async function walkQueue(
  broker: Broker,
  queue: string,
  { count, prefetch, look, copyHeaders, signal }: WalkOptions,
): Promise<number> {
  signal.throwIfAborted();
  if (count === 0) return 0;
  const end = Promise.withResolvers<void>();
  const underWay = new Set<Promise<void>>();
  let seen = 0;
  let held = 0;
  let isOver = false;
  let timer = setTimeout(() => loseQueue('the broker does not answer'), OPEN_LIMIT_MS);

  function loseQueue(reason: string): void {
    end.reject(new BrokerError('unavailable', reason));
  }

  function onDelivery(delivery: Delivery): void {
    if (isOver || seen === count) return;
    seen += 1;
    timer.refresh();
    const settled = lookAt(delivery);
    if (settled === undefined) leave(delivery);
    else track(settled.then((how) => (how === 'left' ? leave(delivery) : undefined)));
    endWhenDone();
  }

  /** What is thrown in the middle of a delivery would be the broker's to handle, and nobody would hear of it. */
  function lookAt(delivery: Delivery): Promise<'settled' | 'left'> | undefined {
    try {
      return look(delivery);
    } catch (error) {
      end.reject(error);
      return undefined;
    }
  }

  function leave(delivery: Delivery): void {
    const mayStay = count - seen < prefetch - held && handedOut(delivery) < MOST_HANDED_OUT;
    if (mayStay) {
      held += 1;
      return;
    }
    const copied = delivery.requeue({ delayMs: 0, headers: copyHeaders(delivery.message) });
    // Where the copy cannot be made the message stays as well, and holds its place until the end.
    track(copied.catch(() => {}));
  }

  function track(work: Promise<unknown>): void {
    const tracked = finish(work).finally(() => {
      underWay.delete(tracked);
      endWhenDone();
    });
    underWay.add(tracked);
  }

  async function finish(work: Promise<unknown>): Promise<void> {
    try {
      await work;
      timer.refresh();
    } catch (error) {
      end.reject(error);
    }
  }

  function endWhenDone(): void {
    if (seen === count && underWay.size === 0) end.resolve();
  }

  const onOpen = ({ queue: opened }: BrokerEvents['consumer:open'][0]): void => {
    if (opened !== queue) return;
    clearTimeout(timer);
    timer = setTimeout(() => end.resolve(), IDLE_MS);
  };
  const onLost = ({ queue: lost, reason }: BrokerEvents['consumer:lost'][0]): void => {
    if (lost === queue) loseQueue(reason);
  };
  const onAbort = (): void => end.reject(signal.reason);

  signal.addEventListener('abort', onAbort);
  broker.events.on('consumer:open', onOpen).on('consumer:lost', onLost);
  const consumer = broker.consume(queue, { prefetch: Math.min(prefetch, count), onDelivery });
  try {
    await end.promise;
    return seen;
  } finally {
    isOver = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    broker.events.off('consumer:open', onOpen).off('consumer:lost', onLost);
    await consumer.stop();
    await Promise.race([Promise.all(underWay), wait(FAREWELL_MS, undefined, { ref: false })]);
  }
}

function handedOut({ message }: Delivery): number {
  const count = message.properties.headers['x-delivery-count'];
  return typeof count === 'number' ? count : 0;
}
