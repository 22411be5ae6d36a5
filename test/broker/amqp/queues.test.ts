import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, QueueOptions } from '../../../src/broker/broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { type AmqpFixture, openFixture, urlParts } from './fixture.ts';

let rabbit: AmqpFixture;
let queue: string;

beforeAll(async () => {
  rabbit = await openFixture(await amqpUrl());
});
afterAll(() => rabbit.close());
beforeEach(() => {
  queue = `queues.${randomUUID()}`;
});

describe('a queue that is there', () => {
  test.each([
    ['a quorum queue', 'wait.60ms.quorum', { 'x-queue-type': 'quorum' }],
    [
      'a queue with limits of its own',
      'wait.60ms',
      { 'x-message-ttl': 60_000, 'x-max-length': 100, 'x-max-priority': 5 },
    ],
    [
      'a queue that refuses what is too many',
      'wait.60ms.quorum',
      { 'x-max-length': 100, 'x-overflow': 'reject-publish' },
    ],
  ])('is consumed, and waited for, as it is: %s', async (_what, waitQueue, queueArguments) => {
    await rabbit.channel.assertQueue(queue, { arguments: queueArguments });
    const broker = rabbit.broker({ queues: facts({ queueType: 'classic' }) });
    const inbox = openInbox(broker, queue);
    rabbit.channel.sendToQueue(queue, Buffer.from('x'));
    expect(await (await inbox.next()).requeue({ delayMs: 60, headers: { second: true } })).toBe('settled');
    const again = await inbox.next();
    expect(again.message.properties.headers['second']).toBe(true);
    await rabbit.channel.checkQueue(`${queue}.${waitQueue}`);
    expect(await again.ack()).toBe('settled');
    await rabbit.channel.assertQueue(queue, { arguments: queueArguments });
  });
});

describe('a stream', () => {
  const stream = { arguments: { 'x-queue-type': 'stream' } };

  test('that has messages is left as soon as it is known, which is told once; a queue that takes its place is consumed', async () => {
    await rabbit.channel.assertQueue(queue, stream);
    rabbit.channel.sendToQueue(queue, Buffer.from('old'));
    await eventually(
      async () => (await rabbit.channel.checkQueue(queue)).messageCount > 0,
      'the message on the stream',
    );
    const { inbox, lost, opened } = consume();
    await eventually(() => lost.length > 0, 'the refusal');
    expect(lost[0]).toContain(`${queue} is a stream`);
    expect(inbox.consumer.state).toBe('opening');
    await rabbit.channel.deleteQueue(queue);
    await inbox.consuming();
    rabbit.channel.sendToQueue(queue, Buffer.from('new'));
    expect((await inbox.next()).message.body.toString()).toBe('new');
    expect([lost.length, opened.length]).toEqual([1, 2]);
  });

  test('that gets its first message is not consumed any more, and hands out none', async () => {
    await rabbit.channel.assertQueue(queue, stream);
    const { inbox, lost, opened } = consume();
    await inbox.consuming();
    rabbit.channel.sendToQueue(queue, Buffer.from('x'));
    await eventually(() => lost.some((reason) => reason.includes('is a stream')), 'the refusal');
    expect(inbox.consumer.state).toBe('opening');
    expect([inbox.deliveries.length, opened.length]).toEqual([0, 1]);
    await rabbit.channel.deleteQueue(queue);
  });

  test('that a message has been on before does not keep it from an ordinary queue', async () => {
    const { inbox, lost } = consume();
    await inbox.consuming();
    for (const body of ['a', 'b'])
      rabbit.channel.sendToQueue(queue, Buffer.from(body), { headers: { 'x-stream-offset': 7 } });
    const came = [await inbox.next(), await inbox.next()];
    expect(came.map(({ message }) => message.body.toString())).toEqual(['a', 'b']);
    expect(await Promise.all(came.map((delivery) => delivery.ack()))).toEqual(['settled', 'settled']);
    expect(lost).toHaveLength(1);
  });

  function consume() {
    const broker = rabbit.broker({ queues: facts() });
    const lost: string[] = [];
    const opened: string[] = [];
    broker.events.on('consumer:lost', ({ reason }) => lost.push(reason));
    broker.events.on('consumer:open', (event) => opened.push(event.queue));
    return { inbox: openInbox(broker, queue), lost, opened };
  }
});

describe('a queue that is missing', () => {
  test('is declared durable, of the type that is asked for, and bound', async () => {
    const exchange = `exchange.${randomUUID()}`;
    const broker = rabbit.broker({
      exchange,
      queues: facts({ queueType: 'quorum', bind: ['worker.a', 'worker.b.#'] }),
    });
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    await rabbit.channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await rabbit.channel.assertExchange(exchange, 'topic', { durable: true });
    for (const key of ['worker.a', 'worker.c', 'worker.b.x.y'])
      rabbit.channel.publish(exchange, key, Buffer.from(key));
    const came = [await inbox.next(), await inbox.next()];
    expect(came.map(({ message }) => message.body.toString())).toEqual(['worker.a', 'worker.b.x.y']);
  });

  test.each(['passive', 'no'] as const)(
    'is waited for when declare is %s: one event says so, and it is consumed when it appears',
    async (declare) => {
      const broker = rabbit.broker({ declare, queues: facts() });
      const lost: string[] = [];
      broker.events.on('consumer:lost', ({ reason }) => lost.push(reason));
      const inbox = openInbox(broker, queue);
      await eventually(() => lost.length > 0, 'the loss');
      expect(lost[0]).toContain(queue);
      const neighbour = `${queue}.neighbour`;
      await rabbit.channel.assertQueue(neighbour);
      await openInbox(broker, neighbour).consuming();
      expect(inbox.consumer.state).toBe('opening');
      await rabbit.channel.assertQueue(queue);
      await inbox.consuming();
      expect(lost).toHaveLength(1);
    },
  );

  test('is declared again when it is deleted under its consumer', async () => {
    const broker = rabbit.broker({ queues: facts() });
    const inbox = openInbox(broker, queue);
    const neighbour = openInbox(broker, `${queue}.neighbour`);
    await Promise.all([inbox.consuming(), neighbour.consuming()]);
    rabbit.channel.sendToQueue(queue, Buffer.from('old'));
    rabbit.channel.sendToQueue(`${queue}.neighbour`, Buffer.from('other'));
    const [old, other] = [await inbox.next(), await neighbour.next()];
    const lost: string[] = [];
    broker.events.on('consumer:lost', (event) => lost.push(event.queue));
    await rabbit.channel.deleteQueue(queue);
    await eventually(() => lost.length > 0, 'the loss');
    expect(old.isLost).toBe(true);
    expect(await old.ack()).toBe('lost');
    await inbox.consuming();
    rabbit.channel.sendToQueue(queue, Buffer.from('new'));
    expect((await inbox.next()).message.body.toString()).toBe('new');
    expect(await other.ack()).toBe('settled');
    expect(lost).toEqual([queue]);
  });
});

describe('a copy', () => {
  let broker: Broker;
  beforeEach(() => {
    broker = rabbit.broker({ queues: facts() });
  });

  test('leaves out what would change its way: traces of the broker, CC, BCC, user id, expiration', async () => {
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    const witness = `${queue}.witness`;
    await rabbit.channel.assertQueue(witness);
    const traces = Object.fromEntries(
      [
        'x-death',
        'x-first-death-queue',
        'x-last-death-reason',
        'x-delivery-count',
        'x-acquired-count',
        'x-opt-a',
      ].map((name) => [name, name === 'x-death' ? [{ count: 1, queue: 'a' }] : 'x']),
    );
    rabbit.channel.publish('', queue, Buffer.from('x'), {
      headers: { ...traces, 'x-own': 'stays', stamp: { '!': 'timestamp', value: 5 } },
      CC: [witness],
      userId: urlParts(await amqpUrl()).user,
      expiration: 60_000,
      correlationId: 'c',
    });
    const delivery = await inbox.next();
    expect(delivery.message.properties.headers).toMatchObject({ CC: [witness], 'x-delivery-count': 'x' });
    expect(await rabbit.channel.get(witness, { noAck: true })).not.toBe(false);
    await delivery.requeue({ delayMs: 0, headers: {} });
    expect((await inbox.next()).message.properties).toEqual({
      correlationId: 'c',
      headers: { 'x-own': 'stays', stamp: { '!': 'timestamp', value: 5 } },
    });
    expect(await rabbit.channel.get(witness, { noAck: true })).toBe(false);
  });

  test('keeps whether it is persistent', async () => {
    const inbox = openInbox(broker, queue, 1);
    await inbox.consuming();
    for (const persistent of [true, false]) {
      rabbit.channel.sendToQueue(queue, Buffer.from('x'), { persistent });
      await (await inbox.next()).requeue({ delayMs: 20, headers: {} });
      const again = await inbox.next();
      expect(again.message.properties.persistent).toBe(persistent);
      await again.ack();
    }
  });

  test('waits in a queue named after its delay, which is declared again when it has gone', async () => {
    const inbox = openInbox(broker, queue, 1);
    await inbox.consuming();
    rabbit.channel.sendToQueue(queue, Buffer.from('x'));
    await (await inbox.next()).requeue({ delayMs: 100, headers: {} });
    await rabbit.channel.checkQueue(`${queue}.wait.100ms`);
    const again = await inbox.next();
    await rabbit.channel.deleteQueue(`${queue}.wait.100ms`);
    expect(await again.requeue({ delayMs: 100, headers: {} })).toBe('settled');
    await (await inbox.next()).ack();
  });

  test('uses a wait queue that is there with other arguments', async () => {
    await rabbit.channel.assertQueue(`${queue}.wait.100ms`, {
      arguments: { 'x-message-ttl': 100, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queue },
    });
    const inbox = openInbox(broker, queue, 1);
    await inbox.consuming();
    rabbit.channel.sendToQueue(queue, Buffer.from('x'));
    expect(await (await inbox.next()).requeue({ delayMs: 100, headers: {} })).toBe('settled');
    await inbox.next();
  });

  test.each(['passive', 'no'] as const)(
    'finds its wait queue declared even when declare is %s',
    async (declare) => {
      await rabbit.channel.assertQueue(queue);
      const inbox = openInbox(rabbit.broker({ declare, queues: facts() }), queue, 1);
      rabbit.channel.sendToQueue(queue, Buffer.from('x'));
      expect(await (await inbox.next()).requeue({ delayMs: 50, headers: {} })).toBe('settled');
      expect(await (await inbox.next()).ack()).toBe('settled');
    },
  );

  test('for a dead-letter queue that is missing and may not be declared leaves the delivery unsettled', async () => {
    await rabbit.channel.assertQueue(queue);
    const inbox = openInbox(rabbit.broker({ declare: 'passive', queues: facts() }), queue);
    rabbit.channel.sendToQueue(queue, Buffer.from('x'));
    const delivery = await inbox.next();
    await expect(delivery.deadLetter({ headers: {} })).rejects.toMatchObject({ kind: 'unroutable' });
    await rabbit.channel.assertQueue(`${queue}.dead`);
    expect(await delivery.deadLetter({ headers: { why: 'bad' } })).toBe('settled');
    expect(await rabbit.channel.get(`${queue}.dead`, { noAck: true })).toMatchObject({
      properties: { headers: { why: 'bad' } },
    });
  });
});

function facts(changes: Partial<QueueOptions> = {}): ReadonlyMap<string, QueueOptions> {
  return new Map([[queue, { bind: [], deadLetter: `${queue}.dead`, ...changes }]]);
}
