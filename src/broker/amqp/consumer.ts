import type { EventEmitter } from 'node:events';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { BrokerEvents, ConsumeOptions, Consumer, Delivery } from '../broker.ts';
import { offerAckTimeout } from './ack-timeout.ts';
import type { Connection } from './connection.ts';
import { keepOpen } from './keep-open.ts';
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
 */

export interface ConsumerOptions extends ConsumeOptions {
  readonly queue: string;
  readonly connection: Connection;
  readonly events: EventEmitter<BrokerEvents>;
  readonly maxDelayMs: number;
  /** As `QueueOptions.ackTimeoutMs`. */
  readonly ackTimeoutMs: number | undefined;
  /** Sees to it that the queue is there; throws if it cannot be consumed. */
  readonly prepare: (model: ChannelModel) => Promise<void>;
  readonly toDelivery: (raw: ConsumeMessage, subscription: SettlingSubscription) => Delivery;
  /** What is left to do when it has stopped, before `stop` resolves. */
  readonly onStopped?: () => Promise<void>;
}

/** What a delivery needs of its subscription. */
export type SettlingSubscription = Pick<Subscription, 'ack' | 'isReachable' | 'signal'>;

/** A consumer, and what closing the broker has to wait for. */
export interface AmqpConsumer extends Consumer {
  /** Resolves when each acknowledgement so far is proven or lost. */
  quiet(): Promise<void>;
}

/** Starts to consume a queue and goes on until it is stopped. */
export function createConsumer(options: ConsumerOptions): AmqpConsumer {
  const { queue, events } = options;
  const subscriptions = new Set<Subscription>();
  let held: { readonly raw: ConsumeMessage; readonly subscription: Subscription }[] = [];
  let state: Consumer['state'] = 'opening';
  let current: Subscription | undefined;
  let prefetch = options.prefetch;
  /** How many may be unsettled at a time, older subscriptions included. */
  let most = options.prefetch;
  let intake = new AbortController();
  let opening: Promise<unknown> | undefined;
  let stopped: Promise<void> | undefined;

  function consume(): void {
    state = 'opening';
    intake = new AbortController();
    const { signal } = intake;
    void keepOpen({
      connection: options.connection,
      maxDelayMs: options.maxDelayMs,
      signal,
      open(model) {
        const subscribing = subscribe(model, signal);
        opening = subscribing;
        return subscribing;
      },
      onLost: (reason, retryInMs) => {
        events.emit('consumer:lost', { queue, reason, retryInMs });
      },
    });
  }

  async function subscribe(model: ChannelModel, signal: AbortSignal): Promise<Subscription> {
    await options.prepare(model);
    const onMessage = (raw: ConsumeMessage, from: Subscription): void => {
      if (signal.aborted) {
        void putBack(raw, from);
        return;
      }
      held.push({ raw, subscription: from });
      handOut();
    };
    const subscription = await offerAckTimeout(options.ackTimeoutMs, (consumerArguments) =>
      openSubscription(model, { queue, prefetch, consumerArguments, onMessage }),
    );
    subscriptions.add(subscription);
    void subscription.ended.then(() => leave(subscription));
    if (signal.aborted) {
      await subscription.cancel();
    } else {
      current = subscription;
      state = 'consuming';
      events.emit('consumer:open', { queue });
      handOut();
    }
    return subscription;
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
    held = held.filter(({ subscription }) => !subscription.signal.aborted);
    while (mayHandOut()) {
      const next = held.shift();
      if (next === undefined) return;
      try {
        options.onDelivery(options.toDelivery(next.raw, settlingFrom(next.subscription)));
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

  function settlingFrom(subscription: Subscription): SettlingSubscription {
    return {
      signal: subscription.signal,
      isReachable: () => subscription.isReachable(),
      async ack(raw) {
        const settlement = subscription.ack(raw);
        handOut();
        return settlement;
      },
    };
  }

  /**
   * Returns a message that nobody has seen. One that came for the first time goes back as a copy: after a nack it
   * would come again as redelivered, and whoever gets it then has to believe that its job was begun.
   */
  async function putBack(raw: ConsumeMessage, subscription: Subscription): Promise<void> {
    if (raw.fields.redelivered) return subscription.giveBack(raw);
    // The copy would come here again as long as the broker has not heard of the cancel.
    await subscription.cancel();
    const delivery = options.toDelivery(raw, subscription);
    await delivery.requeue({ delayMs: 0, headers: {} }).catch(() => subscription.giveBack(raw));
  }

  async function halt(next: 'paused' | 'stopped'): Promise<void> {
    state = next;
    intake.abort();
    const unseen = held;
    held = [];
    // Cancelled first: the broker would otherwise hand out again, and here, what is given back.
    const cancelled = [...subscriptions].map((subscription) => subscription.cancel());
    for (const { raw, subscription } of unseen) void putBack(raw, subscription);
    await Promise.all(cancelled);
  }

  async function stop(): Promise<void> {
    await halt('stopped');
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
      prefetch = more ?? options.prefetch;
      most = more === undefined ? options.prefetch : working() + more;
      consume();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
    async quiet() {
      await Promise.all([...subscriptions].map((subscription) => subscription.quiet()));
    },
  };
}
