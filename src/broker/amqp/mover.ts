import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import type { Message } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { Connection } from './connection.ts';
import type { Copier } from './copier.ts';
import { reasonText, replyCode } from './channel.ts';
import { requestPersistently } from './persistent-request.ts';
import { declareQueue, renewQueue, type TopologyOptions, typeArgument, YOUNG_MS } from './topology.ts';
import { LONGEST_DELAY_MS, type WaitQueue, waitQueueFor } from './wait-queue.ts';
import { createWaitTypes } from './wait-type.ts';

const INEQUIVALENT = 406;
/** How often it is seen after that a wait queue is there. */
const LEASE_MS = 60_000;
/** One that was not used for longer may have expired, and been declared anew. */
const KNOWN_MS = 30 * 60_000;
/** A wait queue that takes nothing is stood in for by one whose delay is longer by so much, which makes it another one. */
const LONGER = 1.2;

/** RabbitMQ takes ten seconds to find that it cannot make a quorum queue; then it closes the connection. */
const OTHER_TYPE_LIMIT_MS = 8_000;

/** Brings copies of messages to where they belong, over losses of the connection, at least once. */
export interface Mover {
  /** To the tail of the queue, after `delayMs`. Rejects with BrokerError when no queue will take it, or with `signal`'s reason. */
  moveBack(message: Message, queue: string, delayMs: number, signal: AbortSignal): Promise<void>;
  /** To the dead-letter queue of `queue`. Rejects likewise. */
  moveToDeadLetters(message: Message, queue: string, signal: AbortSignal): Promise<void>;
}

export interface MoverOptions extends TopologyOptions {
  readonly connection: Connection;
  readonly copier: Copier;
}

/** It declares what it needs on the connection that also carries replies. */
export function createMover(options: MoverOptions): Mover {
  const { connection, copier } = options;
  const types = createWaitTypes(options);
  /** Name of a wait queue → when it was last declared, on which connection. */
  const leases = new Map<string, { model: ChannelModel; atMs: number }>();
  /** Name of a wait queue → when it was last renewed, on whatever connection: the queue remembers it. */
  const renewals = new Map<string, number>();
  /** Name of a quorum queue → on which connection it was used, from when on that is safe, and when last. */
  const uses = new Map<
    string,
    { readonly model: ChannelModel; readonly fromMs: number; readonly lastMs: number }
  >();

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

  /** Moves to a queue that anybody may have declared just now: it counts as young when it is used on a connection anew. */
  async function moveTo(
    name: string,
    queueType: string | undefined,
    message: Message,
    signal: AbortSignal,
  ): Promise<'routed' | 'unroutable'> {
    const { model } = connection;
    const nowMs = performance.now();
    if (queueType === 'quorum' && model !== undefined) {
      const known = uses.get(name);
      const isKnown = known?.model === model && nowMs - known.lastMs < KNOWN_MS;
      const fromMs = isKnown ? known.fromMs : nowMs + YOUNG_MS;
      uses.set(name, { model, fromMs, lastMs: nowMs });
      if (fromMs > nowMs) await delay(fromMs - nowMs, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
    const moved = await copier.copy(message, name, signal);
    if (moved === 'unroutable') uses.delete(name);
    return moved;
  }

  async function renewLease(
    { name, queueArguments, renewMs }: WaitQueue,
    signal: AbortSignal,
  ): Promise<void> {
    const lease = leases.get(name);
    if (lease !== undefined && lease.model === connection.model && performance.now() - lease.atMs < LEASE_MS)
      return;
    const model = await declare(name, queueArguments, signal);
    leases.set(name, { model, atMs: performance.now() });
    if (performance.now() - (renewals.get(name) ?? Number.NEGATIVE_INFINITY) < renewMs) return;
    renewals.set(name, performance.now());
    // There is time for it: nobody waits, and a queue without a leader does not answer.
    void renewQueue(model, name).catch(() => renewals.delete(name));
  }

  async function moveInto(
    wait: WaitQueue,
    queueType: string | undefined,
    message: Message,
    signal: AbortSignal,
  ): Promise<void> {
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await renewLease(wait, signal);
      if ((await moveTo(wait.name, queueType, message, signal)) === 'routed') return;
      leases.delete(wait.name);
      renewals.delete(wait.name);
    }
    throw new BrokerError('unroutable', `there is no queue ${wait.name}, although it was declared`);
  }

  async function delayBy(
    message: Message,
    queue: string,
    delayMs: number,
    queueType: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const usual = waitQueueFor(queue, delayMs, queueType);
    const longerMs = Math.min(delayMs * LONGER, LONGEST_DELAY_MS);
    const taken = copier.isStuck(usual.name) ? waitQueueFor(queue, longerMs, queueType) : usual;
    await moveInto(taken, queueType, message, signal);
  }

  return {
    async moveBack(message, queue, delayMs, signal) {
      if (delayMs <= 0) {
        if ((await copier.copy(message, queue, signal)) === 'routed') return;
        throw new BrokerError('unroutable', `there is no queue ${queue}`);
      }
      const queueType = await types.typeFor(queue, signal);
      const own = types.configured(queue);
      const isUsual = queueType === own || copier.isStuck(waitQueueFor(queue, delayMs, queueType).name);
      if (isUsual) return delayBy(message, queue, delayMs, own, signal);
      try {
        const limited = AbortSignal.any([signal, AbortSignal.timeout(OTHER_TYPE_LIMIT_MS)]);
        await delayBy(message, queue, delayMs, queueType, limited);
      } catch (error) {
        if (signal.aborted || (error instanceof BrokerError && error.kind === 'unencodable')) throw error;
        types.decline(queue);
        await delayBy(message, queue, delayMs, own, signal);
      }
    },
    async moveToDeadLetters(message, queue, signal) {
      const deadLetter = options.queues.get(queue)?.deadLetter ?? `${queue}.dead`;
      const queueType = types.configured(queue);
      if ((await moveTo(deadLetter, queueType, message, signal)) === 'routed') return;
      if (options.declare === 'if-missing') {
        await declare(deadLetter, typeArgument(queueType), signal);
        if ((await moveTo(deadLetter, queueType, message, signal)) === 'routed') return;
      }
      throw new BrokerError('unroutable', `there is no dead-letter queue ${deadLetter}`);
    },
  };
}
