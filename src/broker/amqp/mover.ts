import type { ChannelModel } from 'amqplib';
import { BrokerError, type Message, type Publication, type QueueOptions } from '../broker.ts';
import type { Connection } from './connection.ts';
import { reasonText, replyCode } from './channel.ts';
import { requestPersistently } from './persistent-request.ts';
import type { Publisher } from './publisher.ts';
import { declareQueue, type TopologyOptions, typeArgument } from './topology.ts';
import { waitQueueFor } from './wait-queue.ts';

const INEQUIVALENT = 406;
/** A wait queue lives on for more than an hour after its last declaration, so this is often enough. */
const LEASE_MS = 60_000;

/** Brings copies of messages to where they belong, over losses of the connection, at least once. */
export interface Mover {
  /** To the tail of the queue, after `delayMs`. Rejects with BrokerError when no queue will take it, or with `signal`'s reason. */
  moveBack(message: Message, queue: string, delayMs: number, signal: AbortSignal): Promise<void>;
  /** To the dead-letter queue of `queue`. Rejects likewise. */
  moveToDeadLetters(message: Message, queue: string, signal: AbortSignal): Promise<void>;
}

export interface MoverOptions extends TopologyOptions {
  readonly connection: Connection;
  readonly publisher: Publisher;
  readonly queues: ReadonlyMap<string, QueueOptions>;
}

/** Publishes on the connection that also carries replies. */
export function createMover(options: MoverOptions): Mover {
  const { connection, publisher } = options;
  /** Name of a wait queue → when it was last declared, on which connection. */
  const leases = new Map<string, { model: ChannelModel; atMs: number }>();

  async function move(
    message: Message,
    queue: string,
    signal: AbortSignal,
  ): Promise<'routed' | 'unroutable'> {
    const publication: Publication = { exchange: '', routingKey: queue, ...message };
    for (;;) {
      await publisher.writable(signal);
      try {
        return await publisher.publish(publication);
      } catch (error) {
        const mayTryAgain =
          error instanceof BrokerError && (error.kind === 'unavailable' || error.kind === 'uncertain');
        if (!mayTryAgain) throw error;
      }
    }
  }

  /** Declares over losses of the connection; what the broker itself refuses is not tried again. */
  async function declare(
    name: string,
    queueArguments: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ChannelModel> {
    return requestPersistently(connection, signal, async (model) => {
      try {
        await declareQueue(model, name, queueArguments);
      } catch (error) {
        // It is there with other arguments, of another version or setting: its name still says what it is for.
        if (replyCode(error) !== INEQUIVALENT || !/inequivalent/.test(reasonText(error))) throw error;
      }
      return model;
    });
  }

  async function renewLease(
    name: string,
    queueArguments: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<void> {
    const lease = leases.get(name);
    if (lease !== undefined && lease.model === connection.model && performance.now() - lease.atMs < LEASE_MS)
      return;
    leases.set(name, { model: await declare(name, queueArguments, signal), atMs: performance.now() });
  }

  return {
    async moveBack(message, queue, delayMs, signal) {
      if (delayMs <= 0) {
        if ((await move(message, queue, signal)) === 'routed') return;
        throw new BrokerError('unroutable', `there is no queue ${queue}`);
      }
      const queueType = options.queues.get(queue)?.queueType ?? options.queueType;
      const wait = waitQueueFor(queue, delayMs, queueType);
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        await renewLease(wait.name, wait.queueArguments, signal);
        if ((await move(message, wait.name, signal)) === 'routed') return;
        leases.delete(wait.name);
      }
      throw new BrokerError('unroutable', `there is no queue ${wait.name}, although it was declared`);
    },
    async moveToDeadLetters(message, queue, signal) {
      const facts = options.queues.get(queue);
      const deadLetter = facts?.deadLetter ?? `${queue}.dead`;
      if ((await move(message, deadLetter, signal)) === 'routed') return;
      if (options.declare === 'if-missing') {
        await declare(deadLetter, typeArgument(facts?.queueType ?? options.queueType), signal);
        if ((await move(message, deadLetter, signal)) === 'routed') return;
      }
      throw new BrokerError('unroutable', `there is no dead-letter queue ${deadLetter}`);
    },
  };
}
