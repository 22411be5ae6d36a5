import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Broker, Publication, QueueOptions } from '../../../src/broker/broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { eventually } from '../../support/eventually.ts';
import { type AmqpFixture, openFixture } from './fixture.ts';

let rabbit: AmqpFixture;
let broker: Broker;
let queue: string;

beforeAll(async () => {
  rabbit = await openFixture(await amqpUrl());
});
afterAll(() => rabbit.close());
beforeEach(async () => {
  queue = `publishing.${randomUUID()}`;
  await rabbit.channel.assertQueue(queue);
  broker = rabbit.broker();
  await broker.writable(AbortSignal.timeout(10_000));
});

test('a publication to a missing exchange is refused, and the channel works again at once', async () => {
  const refused = broker.publish({ ...to(queue), exchange: `missing.${queue}` });
  await expect(refused).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('missing.'),
  });
  await broker.writable(AbortSignal.timeout(5000));
  expect(await broker.publish(to(queue))).toBe('routed');
});

test('many refused publications do not make the others wait longer and longer', async () => {
  for (let refusals = 0; refusals < 8; refusals += 1) {
    await broker.writable(AbortSignal.timeout(1000));
    const refused = broker.publish({ ...to(queue), exchange: `missing.${queue}` });
    await expect(refused).rejects.toMatchObject({ kind: 'refused' });
  }
  await broker.writable(AbortSignal.timeout(1000));
});

test('one refused publication makes none of its neighbours refused: what came after it was not taken', async () => {
  const fates = await Promise.allSettled([
    broker.publish(to(queue)),
    broker.publish({ ...to(queue), exchange: `missing.${queue}` }),
    broker.publish(to(queue)),
    broker.publish(to(queue)),
  ]);
  const kinds = fates.map((fate) => (fate.status === 'fulfilled' ? fate.value : String(fate.reason.kind)));
  expect(kinds[1]).toBe('refused');
  expect(['routed', 'uncertain']).toContain(kinds[0]);
  for (const kind of kinds.slice(2)) expect(['routed', 'unavailable']).toContain(kind);
});

test('a user id that is not ours is refused', async () => {
  const stranger = broker.publish({ ...to(queue), properties: { userId: 'somebody' } });
  await expect(stranger).rejects.toMatchObject({ kind: 'refused' });
});

test.each([
  ['headers', { headers: { big: 'x'.repeat(70_000) } }],
  ['a correlation id', { correlationId: 'x'.repeat(300) }],
])('%s too large for AMQP is unencodable and leaves the channel as it was', async (_what, properties) => {
  await expect(broker.publish({ ...to(queue), properties })).rejects.toMatchObject({ kind: 'unencodable' });
  expect(await broker.publish(to(queue))).toBe('routed');
});

test('a queue that takes no more says that it is full', async () => {
  const full = `${queue}.full`;
  await rabbit.channel.assertQueue(full, {
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  expect(await broker.publish(to(full))).toBe('routed');
  await eventually(async () => {
    await expect(broker.publish(to(full))).rejects.toMatchObject({ kind: 'full' });
    return true;
  }, 'the refusal');
});

test('output to a missing exchange disturbs no reply, is one event, and flows when the exchange appears', async () => {
  const exchange = `output.${queue}`;
  const lost: string[] = [];
  broker.events.on('output:lost', ({ reason }) => lost.push(reason));
  const line: Publication = { ...to('output'), exchange };
  let dropped = 0;
  let round = 0;
  await eventually(async () => {
    round += 1;
    for (let index = 0; index < 20; index += 1) if (!broker.publishLoosely(line)) dropped += 1;
    expect(await broker.publish(to(queue))).toBe('routed');
    return lost.length > 0 && round > 50;
  }, 'the loss of output');
  expect(dropped).toBeGreaterThan(0);
  expect(lost).toEqual([expect.stringContaining(exchange)]);
  await rabbit.channel.assertExchange(exchange, 'topic', { durable: true });
  const { queue: sink } = await rabbit.channel.assertQueue('', { exclusive: true });
  await rabbit.channel.bindQueue(sink, exchange, 'output');
  await eventually(() => broker.publishLoosely(line), 'output flowing again');
  await eventually(() => rabbit.channel.get(sink, { noAck: true }), 'the line');
  expect(lost).toHaveLength(1);
});

test('an exchange that was deleted is declared again for output, with the bindings of all queues', async () => {
  const exchange = `deleted.${queue}`;
  const facts = (key: string): QueueOptions => ({ bind: [key], deadLetter: `${queue}.dead` });
  const queues = new Map(['one', 'two', 'missing'].map((key) => [`${queue}.${key}`, facts(key)]));
  const other = rabbit.broker({ exchange, queues });
  for (const key of ['one', 'two']) await other.prepare(`${queue}.${key}`);
  await eventually(() => other.publishLoosely({ ...to('output'), exchange }), 'a loose publication');
  await rabbit.channel.deleteExchange(exchange);
  for (const key of ['two', 'one']) {
    await eventually(async () => {
      other.publishLoosely({ ...to('output'), exchange });
      await other.writable(AbortSignal.timeout(5000));
      return (await other.publish({ ...to(key), exchange }).catch(() => undefined)) === 'routed';
    }, `the binding of ${key}`);
  }
});

test('the exchange of the options is declared for output alone, without a queue to bind', async () => {
  const exchange = `declared.${queue}`;
  const other = rabbit.broker({ exchange });
  await eventually(() => other.publishLoosely({ ...to('output'), exchange }), 'a loose publication');
  await rabbit.channel.assertExchange(exchange, 'topic', { durable: true });
});

test('loose publications are dropped, not heaped up, when they come faster than they can be written', () => {
  const body = Buffer.alloc(1000);
  let taken = 0;
  while (taken < 100_000 && broker.publishLoosely({ ...to(queue), body })) taken += 1;
  expect(taken).toBeGreaterThan(100);
  expect(taken).toBeLessThan(5000);
});

function to(routingKey: string): Publication {
  return { exchange: '', routingKey, body: Buffer.from('x'), properties: {} };
}
