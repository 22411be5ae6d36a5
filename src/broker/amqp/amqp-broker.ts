import { EventEmitter } from 'node:events';
import type { ChannelModel } from 'amqplib';
import type { Broker, BrokerEvents, QueueOptions } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { createConnection } from './connection.ts';
import { type AmqpConsumer, createConsumer } from './consumer.ts';
import { createCopier } from './copier.ts';
import { AmqpDelivery } from './delivery.ts';
import { settledWithin } from '../limit.ts';
import { createLoosePublisher } from './loose-publisher.ts';
import { createMover } from './mover.ts';
import type { AmqpOptions } from './options.ts';
import { requestPersistently } from './persistent-request.ts';
import { createPublisher } from './publisher.ts';
import { createStreamGuard } from './stream-guard.ts';
import {
  deleteQueue,
  prepareExchange,
  prepareForConsumer,
  prepareQueue,
  queueCounts,
  type TopologyOptions,
} from './topology.ts';

/*
 * RabbitMQ behind the broker port. Two connections: an alarm or flow control that stops publications on one
 * must not stop acknowledgements on the other.
 *
 *   consume ── a channel for each consumer │ throw-away: questions
 *   publish ── confirmed: replies │ up to four, confirmed: copies │ unconfirmed: output │ throw-away: declarations
 */

const REMOVAL_LIMIT_MS = 5000;

/** A broker that is RabbitMQ; nothing connects before `start`. */
export function createAmqpBroker(options: AmqpOptions): Broker {
  const events = new EventEmitter<BrokerEvents>().setMaxListeners(0);
  const consuming = createConnection(options, 'consume', events);
  const publishing = createConnection(options, 'publish', events);
  const maxDelayMs = options.reconnectMaxDelayMs;
  const publisher = createPublisher(publishing, {
    onForbidden: (reason) => events.emit('connection:blocked', { purpose: 'publish', reason }),
    onAllowed: () => events.emit('connection:unblocked', { purpose: 'publish' }),
  });
  const copier = createCopier(publishing, events);
  const loose = createLoosePublisher({
    connection: publishing,
    events,
    maxDelayMs,
    prepare: (model) => prepareExchange(model, options),
  });
  const topology: TopologyOptions = {
    ...options,
    onBindingRefused: (queue, reason) => events.emit('binding:refused', { queue, reason }),
  };
  const mover = createMover({ ...options, connection: publishing, copier });
  const consumers = new Set<AmqpConsumer>();
  const closing = new AbortController();
  let closed: Promise<void> | undefined;

  function ask<T>(request: (model: ChannelModel) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
    return requestPersistently(consuming, either, request);
  }

  /** Its queue expires by itself when this cannot be done. */
  async function removeTemporary(queue: string): Promise<void> {
    const model = consuming.model ?? publishing.model;
    if (model !== undefined) await settledWithin(deleteQueue(model, queue), REMOVAL_LIMIT_MS);
  }

  async function close(limitMs: number): Promise<void> {
    closing.abort(new BrokerError('unavailable', 'the broker is closed'));
    const deadline = performance.now() + limitMs;
    const leftMs = (): number => Math.max(0, deadline - performance.now());
    const graceOver = AbortSignal.timeout(limitMs);
    await settledWithin(Promise.all([...consumers].map((consumer) => consumer.stop())), leftMs() / 2);
    await settledWithin(Promise.all([publisher.quiet(graceOver), copier.quiet(graceOver)]), leftMs() / 2);
    // After the publications: the confirm of a copy is what its original's acknowledgement waits for.
    await settledWithin(Promise.all([...consumers].map((consumer) => consumer.quiet())), leftMs() / 2);
    publisher.close();
    copier.close();
    loose.close();
    await settledWithin(
      Promise.all([consuming.close(leftMs() / 2), publishing.close(leftMs() / 2)]),
      leftMs(),
    );
  }

  return {
    events,
    start() {
      if (closed !== undefined) return;
      consuming.start();
      publishing.start();
      publisher.start();
      loose.start();
    },
    prepare: (queue, signal) =>
      ask((model) => prepareQueue(model, queue, options.queues.get(queue), topology), signal),
    count: async (queue, signal) => (await ask((model) => queueCounts(model, queue), signal))?.messageCount,
    countConsumers: async (queue, signal) =>
      (await ask((model) => queueCounts(model, queue), signal))?.consumerCount,
    consume(queue, consumeOptions) {
      const facts = (): QueueOptions | undefined => options.queues.get(queue);
      const guard = createStreamGuard(queue);
      const consumer = createConsumer({
        ...consumeOptions,
        queue,
        connection: consuming,
        events,
        maxDelayMs,
        ackTimeoutMs: () => facts()?.ackTimeoutMs,
        async prepare(model) {
          await prepareForConsumer(model, queue, facts(), topology);
          await guard.admit(model);
        },
        onOpen(model, subscription) {
          if (facts()?.temporary !== true) void guard.look(model, subscription);
        },
        isMarked: guard.isMarked,
        toDelivery: (raw, subscription) => new AmqpDelivery(queue, raw, subscription, mover),
        ...(facts()?.temporary === true ? { onStopped: () => removeTemporary(queue) } : {}),
        onGone: () => consumers.delete(consumer),
      });
      consumers.add(consumer);
      if (closed !== undefined) void consumer.stop();
      return consumer;
    },
    writable: (signal) => publisher.writable(signal),
    publish: (publication) => publisher.publish(publication),
    publishLoosely: (publication) => loose.publish(publication),
    close(limitMs) {
      closed ??= close(limitMs);
      return closed;
    },
  };
}
