import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AmqpOptions } from '../../../src/broker/amqp/options.ts';
import type { QueueOptions } from '../../../src/broker/broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { eventually } from '../../support/eventually.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { openInbox } from '../inbox.ts';
import { type AmqpFixture, openFixture, urlParts } from './fixture.ts';

let rabbit: AmqpFixture;
let queue: string;
let exchange: string;
let queues: ReadonlyMap<string, QueueOptions>;

beforeAll(async () => {
  rabbit = await openFixture(await amqpUrl());
});
afterAll(() => rabbit.close());
beforeEach(() => {
  queue = `temporary.${randomUUID()}`;
  exchange = `exchange.${queue}`;
  queues = new Map([[queue, { temporary: true, bind: ['a.*'], deadLetter: '', queueType: 'quorum' }]]);
});

/** Declared once more as it should be: RabbitMQ refuses that if it differs in anything. */
async function expectAsItShouldBe(): Promise<void> {
  const channel = await rabbit.connection.createChannel();
  channel.on('error', () => {});
  await channel.assertQueue(queue, {
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: {
      'x-queue-type': 'classic',
      'x-expires': 300_000,
      'x-max-length': 10_000,
      'x-max-length-bytes': 67_108_864,
    },
  });
  await channel.close();
}

test.each(['if-missing', 'passive', 'no'] as const)(
  'is made whatever declare says (%s): durable, classic, expiring, shared, and bound',
  async (declare) => {
    await rabbit.channel.assertExchange(exchange, 'topic', { durable: true });
    const inbox = openInbox(rabbit.broker({ declare, exchange, queues }), queue);
    await inbox.consuming();
    await expectAsItShouldBe();
    rabbit.channel.publish(exchange, 'a.b', Buffer.from('by key'));
    expect((await inbox.next()).message.body.toString()).toBe('by key');
  },
);

test.each<[string, Partial<AmqpOptions>]>([
  ['is missing and may not be made', { declare: 'passive' }],
  ['is not configured', {}],
])('is reached by its name when the exchange %s', async (_what, changes) => {
  const named = changes.declare === undefined ? {} : { exchange };
  const inbox = openInbox(rabbit.broker({ queues, ...changes, ...named }), queue);
  await inbox.consuming();
  rabbit.channel.sendToQueue(queue, Buffer.from('by name'));
  expect((await inbox.next()).message.body.toString()).toBe('by name');
});

test('is reached by its name when it may not be bound, and that is told; one that is not temporary is refused', async () => {
  // Nobody may bind anything to the default exchange.
  const broker = rabbit.broker({ exchange: '', queues });
  const told: unknown[] = [];
  broker.events.on('binding:refused', (refused) => told.push(refused));
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  expect(told).toStrictEqual([{ queue, reason: expect.stringMatching(/^ACCESS_REFUSED - /) }]);
  rabbit.channel.sendToQueue(queue, Buffer.from('by name'));
  expect((await inbox.next()).message.body.toString()).toBe('by name');

  const lasting = new Map([[queue, { bind: ['a.*'], deadLetter: '' }]]);
  await expect(rabbit.broker({ exchange: '', queues: lasting }).prepare(queue)).rejects.toThrow(
    /ACCESS_REFUSED/,
  );
});

test('outlives a lost connection, with what came meanwhile', async () => {
  const { hostname, port } = urlParts(await amqpUrl());
  const proxy = await startTcpProxy({ host: hostname, port });
  try {
    const url = urlParts(await amqpUrl(), { hostname: '127.0.0.1', port: proxy.port });
    const inbox = openInbox(rabbit.broker({ urls: [url], queues }), queue);
    await inbox.consuming();
    proxy.refuse();
    await eventually(() => inbox.consumer.state === 'opening', 'the loss');
    rabbit.channel.sendToQueue(queue, Buffer.from('meanwhile'));
    proxy.resume();
    expect((await inbox.next()).message.body.toString()).toBe('meanwhile');
  } finally {
    await proxy.close();
  }
});

test('a consumer of it that cannot reach the broker any more closes in time', async () => {
  const { hostname, port } = urlParts(await amqpUrl());
  const proxy = await startTcpProxy({ host: hostname, port });
  try {
    const url = urlParts(await amqpUrl(), { hostname: '127.0.0.1', port: proxy.port });
    const broker = rabbit.broker({ urls: [url], queues });
    await openInbox(broker, queue).consuming();
    proxy.blackHole();
    const before = performance.now();
    await broker.close(500);
    expect(performance.now() - before).toBeLessThan(5000);
    await expectAsItShouldBe();
  } finally {
    await proxy.close();
  }
});
