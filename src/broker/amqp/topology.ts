import type { ChannelModel } from 'amqplib';
import type { QueueOptions } from '../broker.ts';
import { onThrowAwayChannel, replyCode } from './channel.ts';
import type { AmqpOptions } from './options.ts';

/*
 * Queues and exchanges belong to the administrator: what is there is used as it is, whatever its arguments.
 * So each is looked at passively first, and only one that is missing is declared. Always durable and never
 * exclusive: RabbitMQ 4.3 refuses other queues.
 */

const NOT_FOUND = 404;

export type TopologyOptions = Pick<AmqpOptions, 'declare' | 'exchange' | 'queueType'>;

/** Sees to it that a queue can be consumed from: looks, declares and binds as far as `declare` allows. Throws amqplib's errors. */
export async function prepareQueue(
  model: ChannelModel,
  queue: string,
  facts: QueueOptions | undefined,
  options: TopologyOptions,
): Promise<void> {
  if (options.declare === 'no') return;
  const exists = await queueExists(model, queue);
  if (options.declare === 'passive') {
    if (!exists) throw new Error(`there is no queue ${queue}`);
    return;
  }
  if (!exists) await declareQueue(model, queue, typeArgument(facts?.queueType ?? options.queueType));
  const { exchange } = options;
  if (exchange === undefined || facts === undefined || facts.bind.length === 0) return;
  await prepareExchange(model, options);
  await onThrowAwayChannel(model, `binding ${queue}`, async (channel) => {
    for (const routingKey of facts.bind) await channel.bindQueue(queue, exchange, routingKey);
  });
}

/** Declares the topic exchange of the options, if there is one to declare, it is missing and it may be declared. */
export async function prepareExchange(model: ChannelModel, options: TopologyOptions): Promise<void> {
  const { exchange } = options;
  if (exchange === undefined || options.declare !== 'if-missing') return;
  if (await exchangeExists(model, exchange)) return;
  await onThrowAwayChannel(model, `declaring the exchange ${exchange}`, (channel) =>
    channel.assertExchange(exchange, 'topic', { durable: true }),
  );
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

/** The queue type as an argument of a declaration; none for the broker's default. */
export function typeArgument(queueType: string | undefined): Record<string, unknown> {
  return queueType === undefined ? {} : { 'x-queue-type': queueType };
}

/** A passive look at a queue. */
export async function queueExists(model: ChannelModel, queue: string): Promise<boolean> {
  return found(
    onThrowAwayChannel(model, `looking for the queue ${queue}`, (channel) => channel.checkQueue(queue)),
  );
}

/** A passive look at an exchange. */
export async function exchangeExists(model: ChannelModel, exchange: string): Promise<boolean> {
  return found(
    onThrowAwayChannel(model, `looking for the exchange ${exchange}`, (channel) =>
      channel.checkExchange(exchange),
    ),
  );
}

async function found(look: Promise<unknown>): Promise<boolean> {
  try {
    await look;
    return true;
  } catch (error) {
    if (replyCode(error) === NOT_FOUND) return false;
    throw error;
  }
}
