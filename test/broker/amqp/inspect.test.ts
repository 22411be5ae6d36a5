import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectAmqp, type QueueInspection } from '../../../src/broker/amqp/inspect.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { type AmqpFixture, amqpOptions, openFixture } from './fixture.ts';

let rabbit: AmqpFixture;
beforeAll(async () => {
  rabbit = await openFixture(await amqpUrl());
});
afterAll(() => rabbit.close());

async function inspect(...names: string[]): Promise<readonly QueueInspection[]> {
  const queues = new Map(names.map((name) => [name, { bind: [], deadLetter: `${name}.dead` }]));
  const { problems, product, queues: found } = await inspectAmqp(amqpOptions(await amqpUrl(), { queues }));
  expect(problems).toEqual([]);
  expect(product).toMatch(/^RabbitMQ \d/);
  return found;
}

test.each([
  ['a plain queue', {}, { type: 'classic', deadLetterExchange: null }],
  ['a classic queue by name', { 'x-queue-type': 'classic' }, { type: 'classic', deadLetterExchange: null }],
  ['a quorum queue', { 'x-queue-type': 'quorum' }, { type: 'quorum', deadLetterExchange: null }],
  [
    'a queue with many arguments',
    {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': "it's.dead",
      'x-expires': 3_600_000,
      'x-max-length': 10,
      'x-message-ttl': 60_000,
      'x-overflow': 'reject-publish',
    },
    { type: 'classic', deadLetterExchange: '', overflow: 'reject-publish' },
  ],
])('the inspection tells type and dead-letter exchange of %s', async (_what, queueArguments, expected) => {
  const queue = `inspect.${randomUUID()}`;
  await rabbit.channel.assertQueue(queue, { arguments: queueArguments });
  rabbit.channel.sendToQueue(queue, Buffer.from('x'));
  await rabbit.channel.assertQueue(`${queue}.dead`);
  expect(await inspect(queue)).toEqual([
    {
      queue,
      exists: true,
      messages: expect.any(Number),
      consumers: 0,
      hasDeadLetterQueue: true,
      ...expected,
    },
  ]);
});

test('a queue that is not durable is told all the same', async () => {
  const queue = `inspect.${randomUUID()}`;
  await rabbit.channel.assertQueue(queue, { durable: false, autoDelete: true });
  expect(await inspect(queue)).toMatchObject([{ exists: true, type: 'classic', hasDeadLetterQueue: false }]);
});

test('a queue that is missing is said to be, and is not made by the inspection', async () => {
  const queue = `inspect.${randomUUID()}`;
  expect(await inspect(queue)).toEqual([{ queue, exists: false }]);
  expect(await inspect(queue)).toMatchObject([{ exists: false }]);
});

test("somebody's exclusive queue is there, with the reason why nobody else may look at it", async () => {
  const { queue } = await rabbit.channel.assertQueue('', { exclusive: true });
  expect(await inspect(queue)).toMatchObject([{ exists: true, problem: expect.stringContaining('LOCKED') }]);
});
