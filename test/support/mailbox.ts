import { randomUUID } from 'node:crypto';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { amqpOptions } from '../broker/amqp/fixture.ts';
import { eventually } from './eventually.ts';

/** Somebody who sends jobs and hears their replies, on RabbitMQ (by its URL) or on an embedded queue (by its file). */
export interface Mailbox {
  /** Puts a job on a queue, and resolves with its id when it is there; with an exchange, by a routing key on that one. */
  send(queue: string, body?: unknown, exchange?: string): Promise<string>;
  /** All replies so far, as they came. */
  readonly heard: readonly Heard[];
  /** Waits for the final reply of a job. */
  answer(id: string, limitMs?: number): Promise<Heard>;
  count(queue: string): Promise<number | undefined>;
  stop(): Promise<void>;
}

export interface Heard {
  readonly id: string;
  readonly status: string;
  readonly data?: unknown;
  readonly message?: string;
}

export async function openMailbox(at: string): Promise<Mailbox> {
  const replies = `replies.${randomUUID()}`;
  const queues = new Map([[replies, { bind: [], deadLetter: `${replies}.dead`, temporary: true }]]);
  const broker: Broker = at.startsWith('amqp')
    ? createAmqpBroker({ ...amqpOptions(at), queues })
    : createEmbeddedBroker({ file: at, exchange: 'rbit', queues });
  const heard: Heard[] = [];
  const finals = new Map<string, Heard>();
  broker.start();
  const consumer = broker.consume(replies, {
    prefetch: 500,
    onDelivery(delivery) {
      const { body, properties } = delivery.message;
      const said = JSON.parse(body.toString()) as Omit<Heard, 'id'>;
      const one = { id: properties.correlationId ?? '', ...said };
      heard.push(one);
      if (said.status !== 'started') finals.set(one.id, one);
      void delivery.ack();
    },
  });
  await eventually(() => consumer.state === 'consuming', 'the mailbox');
  return {
    heard,
    async send(queue, body = {}, exchange = '') {
      const id = randomUUID();
      const properties = { replyTo: replies, correlationId: id, persistent: true };
      const publication = {
        exchange,
        routingKey: queue,
        body: Buffer.from(JSON.stringify(body)),
        properties,
      };
      await eventually(async () => (await broker.publish(publication)) === 'routed', `the queue ${queue}`);
      return id;
    },
    answer: async (id, limitMs) => eventually(() => finals.get(id), `the answer of job ${id}`, limitMs),
    count: (queue) => broker.count(queue),
    stop: () => broker.close(2_000),
  };
}
