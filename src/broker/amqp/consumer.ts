import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Consumer } from '../broker.ts';
import { offerAckTimeout } from './ack-timeout.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { keepOpen } from './keep-open.ts';
import { putBack } from './put-back.ts';
import { REQUEST_LIMIT_MS, settledWithin } from '../limit.ts';
import { openSubscription, type Subscription } from './subscription.ts';

/*
 *   opening ─registered→ consuming ─lost→ opening …
 *   opening, consuming ─pause→ paused ─resume→ opening
 *   any ─stop→ stopped, for good
 *
 * Each time it consumes it does so in a new subscription. One that was cancelled lives on beside it until what it
 * had delivered is settled. Since RabbitMQ counts the prefetch per subscription, messages that would be too
 * many are held here until one of the others is settled.
 *
 * A renewal cancels the subscription as well, but what came by it is handed out first: the next one is opened when the
 * last that came is handed out and there is room for more. Until then it is still `consuming`: all that it may have is here.
 */

/** A consumer, and what closing the broker has to wait for. */
export interface AmqpConsumer extends Consumer {
  /** Resolves when each acknowledgement so far is proven or lost. */
  quiet(): Promise<void>;
}

/** From one opening to the next. */
interface Round {
  readonly ending: AbortController;
  /** What comes by it from now on goes back unseen, also when there is another round by then. */
  isHalted: boolean;
}

/** Starts to consume a queue and goes on until it is stopped. */
export function createConsumer(options: ConsumerOptions): AmqpConsumer {
  const { queue, events, isMarked } = options;
  const subscriptions = new Set<Subscription>();
  let held: { readonly raw: ConsumeMessage; readonly subscription: Subscription }[] = [];
  let state: Consumer['state'] = 'opening';
  let current: Subscription | undefined;
  /** Unless it is resumed with `more`. */
  let usual = options.prefetch;
  let prefetch = usual;
  /** How many may be unsettled at a time, older subscriptions included. */
  let most = usual;
  let round = newRound();
  /** It was renewed, and opens its next subscription when there is room. */
  let waitsForRoom = false;
  let renewals = 0;
  let opening: Promise<unknown> | undefined;
  let stopped: Promise<void> | undefined;

  function consume(): void {
    state = 'opening';
    const next = newRound();
    round = next;
    const { signal } = next.ending;
    void keepOpen({
      connection: options.connection,
      maxDelayMs: options.maxDelayMs,
      signal,
      open(model) {
        const subscribing = subscribe(model, next);
        opening = subscribing;
        return subscribing;
      },
      onLost: (reason, retryInMs) => {
        events.emit('consumer:lost', { queue, reason, retryInMs });
      },
    });
  }

  async function subscribe(model: ChannelModel, by: Round): Promise<Subscription> {
    await options.prepare(model);
    const onMessage = (raw: ConsumeMessage, from: Subscription): void => {
      if (by.isHalted || state === 'paused' || state === 'stopped') {
        void giveBack(raw, from);
        return;
      }
      held.push({ raw, subscription: from });
      handOut();
    };
    const subscription = await offerAckTimeout(options.ackTimeoutMs(), (consumerArguments) =>
      openSubscription(model, { queue, prefetch, consumerArguments, onMessage, isMarked, onRoom: handOut }),
    );
    subscriptions.add(subscription);
    void subscription.ended.then(() => leave(subscription));
    if (by.ending.signal.aborted) {
      await subscription.cancel();
    } else {
      current = subscription;
      state = 'consuming';
      events.emit('consumer:open', { queue });
      options.onOpen(model, subscription);
      handOut();
    }
    return subscription;
  }

  /** Until it is back it takes room, for which the next opening may wait. */
  async function giveBack(raw: ConsumeMessage, from: Subscription): Promise<void> {
    await putBack(raw, from, options.toDelivery);
    handOut();
  }

  function leave(subscription: Subscription): void {
    subscriptions.delete(subscription);
    if (subscription === current) {
      current = undefined;
      if (state === 'consuming') state = 'opening';
    }
    handOut();
  }

  function handOut(): void {
    if (held.some(({ subscription }) => subscription.signal.aborted))
      held = held.filter(({ subscription }) => !subscription.signal.aborted);
    while (mayHandOut()) {
      const next = held.shift();
      if (next === undefined) return openIfWaiting();
      try {
        options.onDelivery(options.toDelivery(next.raw, next.subscription));
      } catch (error) {
        // Left unsettled: it comes again when the channel ends, and until then keeps the fault from looping.
        events.emit('delivery:unhandled', { queue, error });
      }
    }
  }

  function mayHandOut(): boolean {
    return state === 'consuming' && working() < most;
  }

  function working(): number {
    let unsettled = -held.length;
    for (const subscription of subscriptions) unsettled += subscription.unsettled;
    return unsettled;
  }

  /** Called when nothing is held, and there is room. */
  function openIfWaiting(): void {
    if (!waitsForRoom) return;
    waitsForRoom = false;
    consume();
  }

  /** Resumed or renewed: it has all that it may have, unless there is room. */
  function waitForRoom(): void {
    current = undefined;
    waitsForRoom = true;
    state = 'consuming';
  }

  async function renew(): Promise<void> {
    renewals += 1;
    const renewal = renewals;
    waitsForRoom = false;
    round.ending.abort();
    current = undefined;
    // One that is just being opened is cancelled as soon as it is there. What comes by them comes before the next one's.
    await Promise.all([
      ...[...subscriptions].map((subscription) => subscription.cancel()),
      opening === undefined ? undefined : settledWithin(opening, REQUEST_LIMIT_MS),
    ]);
    if (renewal !== renewals) return;
    waitForRoom();
    handOut();
  }

  async function halt(next: 'paused' | 'stopped'): Promise<void> {
    state = next;
    renewals += 1;
    waitsForRoom = false;
    round.isHalted = true;
    round.ending.abort();
    const unseen = held;
    held = [];
    // Cancelled first: the broker would otherwise hand out again, and here, what is given back.
    const cancelled = [...subscriptions].map((subscription) => subscription.cancel());
    for (const { raw, subscription } of unseen) void giveBack(raw, subscription);
    await Promise.all(cancelled);
  }

  async function stop(): Promise<void> {
    await halt('stopped');
    void Promise.all([...subscriptions].map(({ ended }) => ended)).then(options.onGone);
    if (options.onStopped === undefined) return;
    // What it opens just now would declare again what is taken away.
    if (opening !== undefined) await settledWithin(opening, REQUEST_LIMIT_MS);
    await options.onStopped();
  }

  consume();
  return {
    queue,
    get state() {
      return state;
    },
    async pause() {
      if (state !== 'stopped') await halt('paused');
    },
    resume(more) {
      if (state !== 'paused') return;
      prefetch = more ?? usual;
      most = more === undefined ? usual : working() + more;
      // What comes without room would be held, and go to the end of the queue if it is paused again.
      waitForRoom();
      handOut();
    },
    renew(next) {
      usual = next;
      if (state === 'paused' || state === 'stopped') return;
      [prefetch, most] = [next, next];
      void renew();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
    async caughtUp() {
      await current?.caughtUp();
    },
    async quiet() {
      await Promise.all([...subscriptions].map((subscription) => subscription.quiet()));
    },
  };
}

function newRound(): Round {
  return { ending: new AbortController(), isHalted: false };
}
