import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import type { QueueOptions } from '../broker.ts';
import { ackTimeoutSetter, offerAckTimeout } from './ack-timeout.ts';
import { onThrowAwayChannel, reasonText, replyCode } from './channel.ts';
import type { AmqpOptions } from './options.ts';

/*
 * Queues and exchanges belong to the administrator: what is there is used as it is, whatever its arguments.
 * So each is looked at passively first, and only one that is missing is declared. Always durable and never
 * exclusive: RabbitMQ 4.3 refuses other queues. Temporary queues are this program's own, and are declared in every case.
 */

const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;

/** How long a temporary queue outlives its last consumer: longer than an outage that is worth waiting for. */
const TEMPORARY_MS = 5 * 60_000;
/** What a temporary queue that is bound may hold: from then on the oldest go, since nobody seems to read it. */
const MOST_WAITING = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** RabbitMQ forgets a quorum queue, with what it has confirmed on it, when the power goes within half a second of its declaration. */
export const YOUNG_MS = 1000;

export interface TopologyOptions extends Pick<AmqpOptions, 'declare' | 'exchange' | 'queueType' | 'queues'> {
  /** Told that a temporary queue, which is of use without, may not be bound; any other queue then cannot be prepared. */
  readonly onBindingRefused?: (queue: string, reason: string) => void;
}

/**
 * Sees to it that a queue is there: looks, declares and binds as far as `declare` allows. False: it is missing, and may
 * not be declared. Throws amqplib's errors.
 */
export async function prepareQueue(
  model: ChannelModel,
  queue: string,
  facts: QueueOptions | undefined,
  options: TopologyOptions,
): Promise<boolean> {
  if (facts?.temporary === true) {
    await declareQueue(model, queue, temporaryArguments(facts));
    await bindIfAllowed(model, queue, facts.bind, options);
    return true;
  }
  const exists = await queueExists(model, queue);
  if (options.declare !== 'if-missing') return exists;
  if (!exists) await declareJobQueue(model, queue, facts, options);
  await bindQueue(model, queue, facts?.bind ?? [], options);
  return true;
}

/** With the acknowledgement timeout where it is the queue that sets it; elsewhere the argument would only be in the way. */
async function declareJobQueue(
  model: ChannelModel,
  queue: string,
  facts: QueueOptions | undefined,
  options: TopologyOptions,
): Promise<void> {
  const setter = ackTimeoutSetter(model.connection.serverProperties.version);
  const queueType = facts?.queueType ?? options.queueType;
  await offerAckTimeout(setter === 'consumer' ? undefined : facts?.ackTimeoutMs, (timeout) =>
    declareQueue(model, queue, { ...typeArgument(queueType), ...timeout }),
  );
  if (queueType === 'quorum') await delay(YOUNG_MS);
}

async function bindIfAllowed(...[model, queue, bind, options]: Parameters<typeof bindQueue>): Promise<void> {
  try {
    await bindQueue(model, queue, bind, options);
  } catch (error) {
    if (replyCode(error) !== ACCESS_REFUSED) throw error;
    options.onBindingRefused?.(queue, reasonText(error));
  }
}

/** `prepareQueue` for a consumer, which finds out by itself what is not looked for (`declare` = `no`). Throws when there is no queue. */
export async function prepareForConsumer(
  model: ChannelModel,
  queue: string,
  facts: QueueOptions | undefined,
  options: TopologyOptions,
): Promise<void> {
  if (options.declare === 'no' && facts?.temporary !== true) return;
  if (!(await prepareQueue(model, queue, facts, options))) throw new Error(`there is no queue ${queue}`);
}

/** One that is not bound gets replies only, and they are counted by whoever waits for them: none may go. */
function temporaryArguments({ bind }: QueueOptions): Record<string, unknown> {
  const limit = bind.length > 0 ? { 'x-max-length': MOST_WAITING, 'x-max-length-bytes': MOST_BYTES } : {};
  return { ...typeArgument('classic'), 'x-expires': TEMPORARY_MS, ...limit };
}

async function bindQueue(
  model: ChannelModel,
  queue: string,
  routingKeys: readonly string[],
  options: TopologyOptions,
): Promise<void> {
  const { exchange } = options;
  if (exchange === undefined || routingKeys.length === 0) return;
  await prepareExchange(model, options);
  // One that may not be declared and is not there has nothing to bind to; the queue is still reached by its name.
  if (options.declare !== 'if-missing' && !(await exchangeExists(model, exchange))) return;
  await bindTo(exchange, model, queue, routingKeys);
}

async function bindTo(
  exchange: string,
  model: ChannelModel,
  queue: string,
  routingKeys: readonly string[],
): Promise<void> {
  await onThrowAwayChannel(model, `binding ${queue}`, async (channel) => {
    for (const routingKey of routingKeys) await channel.bindQueue(queue, exchange, routingKey);
  });
}

/** Deletes a queue and what is on it. One that is not there is no error. */
export async function deleteQueue(model: ChannelModel, queue: string): Promise<void> {
  await onThrowAwayChannel(model, `deleting the queue ${queue}`, (channel) => channel.deleteQueue(queue));
}

/**
 * Declares the topic exchange of the options, if there is one to declare, it is missing and it may be declared. With one that
 * was deleted the bindings have gone of all queues, so they are made again.
 */
export async function prepareExchange(model: ChannelModel, options: TopologyOptions): Promise<void> {
  const { exchange, queues } = options;
  if (exchange === undefined || options.declare !== 'if-missing') return;
  if (await exchangeExists(model, exchange)) return;
  await onThrowAwayChannel(model, `declaring the exchange ${exchange}`, (channel) =>
    channel.assertExchange(exchange, 'topic', { durable: true }),
  );
  for (const [queue, { bind }] of queues) {
    if (bind.length === 0) continue;
    await bindTo(exchange, model, queue, bind).catch((error: unknown) => {
      // A queue that is not there yet, or may not be bound: that is found again when it is prepared itself.
      if (replyCode(error) === undefined) throw error;
    });
  }
}

/** Declares a durable queue with these arguments. One that is there with others is a 406. */
export async function declareQueue(
  model: ChannelModel,
  queue: string,
  queueArguments: Readonly<Record<string, unknown>>,
): Promise<void> {
  await onThrowAwayChannel(model, `declaring the queue ${queue}`, (channel) =>
    channel.assertQueue(queue, { durable: true, arguments: queueArguments }),
  );
}

/**
 * Has the time begin anew after which an unused queue expires. To declare it again does that for classic queues only, and
 * not with other arguments; to ask for a message does it for each. One that is handed out goes back as the channel closes.
 */
export async function renewQueue(model: ChannelModel, queue: string): Promise<void> {
  await onThrowAwayChannel(model, `renewing the queue ${queue}`, (channel) => channel.get(queue));
}

/** The queue type as an argument of a declaration; none for the broker's default. */
export function typeArgument(queueType: string | undefined): Record<string, unknown> {
  return queueType === undefined ? {} : { 'x-queue-type': queueType };
}

/** How many messages wait on a queue, and how many consumers it has; undefined when there is none. A passive look. */
export async function queueCounts(
  model: ChannelModel,
  queue: string,
): Promise<{ readonly messageCount: number; readonly consumerCount: number } | undefined> {
  return unlessMissing(
    onThrowAwayChannel(model, `looking for the queue ${queue}`, (channel) => channel.checkQueue(queue)),
  );
}

/** A passive look at a queue. */
export async function queueExists(model: ChannelModel, queue: string): Promise<boolean> {
  return (await queueCounts(model, queue)) !== undefined;
}

/** A passive look at an exchange. */
export async function exchangeExists(model: ChannelModel, exchange: string): Promise<boolean> {
  const found = await unlessMissing(
    onThrowAwayChannel(model, `looking for the exchange ${exchange}`, (channel) =>
      channel.checkExchange(exchange),
    ),
  );
  return found !== undefined;
}

async function unlessMissing<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (replyCode(error) === NOT_FOUND) return undefined;
    throw error;
  }
}
