import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AmqpOptions } from '../../../src/broker/amqp/options.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { openInbox } from '../inbox.ts';
import { type AmqpFixture, openFixture, urlParts } from './fixture.ts';

let rabbit: AmqpFixture;
let proxy: TcpProxy;
let queue: string;

beforeAll(async () => {
  rabbit = await openFixture(await amqpUrl());
});
afterAll(() => rabbit.close());
beforeEach(async () => {
  const { hostname, port } = urlParts(await amqpUrl());
  proxy = await startTcpProxy({ host: hostname, port });
  queue = `faults.${randomUUID()}`;
  await rabbit.channel.assertQueue(queue);
});
afterEach(() => proxy.close());

async function viaProxy(changes: Partial<AmqpOptions> = {}): Promise<Broker> {
  return rabbit.broker({
    urls: [urlParts(await amqpUrl(), { hostname: '127.0.0.1', port: proxy.port })],
    ...changes,
  });
}

function send(body: string): void {
  rabbit.channel.sendToQueue(queue, Buffer.from(body));
}

test('a broker that is away at the start is waited for, told once, and used when it comes', async () => {
  proxy.refuse();
  const broker = await viaProxy();
  const events: string[] = [];
  const retries: number[] = [];
  broker.events.on('connection:lost', ({ purpose, retryInMs }) => {
    events.push(`lost ${purpose}`);
    retries.push(retryInMs);
  });
  broker.events.on('connection:open', ({ purpose }) => events.push(`open ${purpose}`));
  const inbox = openInbox(broker, queue);
  send('x');
  await eventually(() => proxy.accepted >= 6, 'three tries of both connections');
  expect(Math.min(...retries)).toBeGreaterThan(50);
  await expect(
    broker.publish({ exchange: '', routingKey: queue, body: Buffer.from('y'), properties: {} }),
  ).rejects.toMatchObject({ kind: 'unavailable' });
  proxy.resume();
  expect(await (await inbox.next()).ack()).toBe('settled');
  await broker.writable(AbortSignal.timeout(5000));
  expect(events.sort()).toEqual(['lost consume', 'lost publish', 'open consume', 'open publish']);
});

test('a cut cable: deliveries are lost and come again, settling the stale ones says so and harms nothing', async () => {
  const broker = await viaProxy();
  const inbox = openInbox(broker, queue, 3);
  await inbox.consuming();
  for (const body of ['a', 'b', 'c']) send(body);
  const stale = [await inbox.next(), await inbox.next(), await inbox.next()];
  proxy.cut();
  await eventually(() => stale.every((delivery) => delivery.isLost), 'the loss');
  expect(await stale[0]?.ack()).toBe('lost');
  const again = [await inbox.next(), await inbox.next(), await inbox.next()];
  expect(await stale[1]?.ack()).toBe('lost');
  expect(await stale[2]?.requeue({ delayMs: 10, headers: {} })).toBe('lost');
  expect(again.map(({ redelivered }) => redelivered)).toEqual([true, true, true]);
  expect(await Promise.all(again.map((delivery) => delivery.ack()))).toEqual([
    'settled',
    'settled',
    'settled',
  ]);
  send('d');
  expect((await inbox.next()).message.body.toString()).toBe('d');
  expect(inbox.deliveries).toHaveLength(7);
});

test('an acknowledgement whose proof is cut off is lost, not settled and not for ever', async () => {
  const broker = await viaProxy();
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  send('x');
  const delivery = await inbox.next();
  proxy.blackHole();
  const settlement = delivery.ack();
  proxy.cut();
  expect(await settlement).toBe('lost');
});

test('a publication without its confirm when the cable is cut is uncertain', async () => {
  const broker = await viaProxy();
  await broker.writable(AbortSignal.timeout(5000));
  proxy.blackHole();
  const publication = broker.publish({
    exchange: '',
    routingKey: queue,
    body: Buffer.from('x'),
    properties: {},
  });
  proxy.cut();
  await expect(publication).rejects.toMatchObject({ kind: 'uncertain' });
});

test.each([
  ['a requeue', 0],
  ['a delayed requeue', 50],
])('%s waits for the connection to publish as long as its delivery is ours', async (_what, delayMs) => {
  const broker = await viaProxy();
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  await broker.writable(AbortSignal.timeout(5000));
  send('x');
  const delivery = await inbox.next();
  const lost: string[] = [];
  broker.events.on('connection:lost', ({ purpose }) => lost.push(purpose));
  proxy.shut();
  proxy.cut('rbit-ts-test publish');
  await eventually(() => lost.length > 0, 'the loss');
  const settlement = delivery.requeue({ delayMs, headers: { again: true } });
  proxy.resume();
  expect(await settlement).toBe('settled');
  expect((await inbox.next()).message.properties.headers['again']).toBe(true);
  expect(new Set(lost)).toEqual(new Set(['publish']));
});

test('a requeue that waits for the connection to publish is lost with its delivery', async () => {
  const broker = await viaProxy();
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  send('x');
  const delivery = await inbox.next();
  proxy.shut();
  proxy.cut('rbit-ts-test publish');
  await broker.writable(AbortSignal.timeout(100)).catch(() => {});
  const settlement = delivery.requeue({ delayMs: 50, headers: {} });
  proxy.cut();
  expect(await settlement).toBe('lost');
  proxy.resume();
  expect((await inbox.next()).redelivered).toBe(true);
});

test('a copy that was sent but never confirmed is sent again: at least once', async () => {
  const broker = await viaProxy();
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  await broker.writable(AbortSignal.timeout(5000));
  send('x');
  const delivery = await inbox.next();
  proxy.blackHole('rbit-ts-test publish');
  const settlement = delivery.requeue({ delayMs: 0, headers: { again: true } });
  proxy.cut('rbit-ts-test publish');
  expect(await settlement).toBe('settled');
  expect((await inbox.next()).message.properties.headers['again']).toBe(true);
});

test('a connection on which nothing moves any more is found by heartbeat within three intervals, and replaced', async () => {
  const broker = await viaProxy({ heartbeatMs: 1000, connectTimeoutMs: 500 });
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  await broker.writable(AbortSignal.timeout(5000));
  send('x');
  await inbox.next();
  const lost: string[] = [];
  broker.events.on('connection:lost', ({ purpose, reason }) => lost.push(`${purpose}: ${reason}`));
  const before = performance.now();
  proxy.blackHole();
  await eventually(() => lost.length === 2, 'both connections given up');
  expect(performance.now() - before).toBeLessThan(3300);
  expect(lost.sort()).toEqual([
    'consume: the broker has gone silent (no heartbeat)',
    'publish: the broker has gone silent (no heartbeat)',
  ]);
  proxy.shut();
  await eventually(() => proxy.connections === 0, 'the dead sockets being freed');
  proxy.resume();
  expect((await inbox.next()).redelivered).toBe(true);
});

test('of several URLs the first that answers serves, and another one when that goes', async () => {
  const dead = await freePort();
  const given = urlParts(await amqpUrl(), { hostname: '127.0.0.1' });
  const broker = await viaProxy({ urls: [{ ...given, port: dead }, { ...given, port: proxy.port }, given] });
  const urls: string[] = [];
  broker.events.on('connection:open', ({ url }) => urls.push(url));
  await openInbox(broker, queue).consuming();
  await broker.writable(AbortSignal.timeout(5000));
  expect(new Set(urls)).toEqual(new Set([`amqp://127.0.0.1:${proxy.port}`]));
  proxy.refuse();
  await eventually(() => urls.length === 4, 'both connections on the last URL');
  expect(urls.slice(2)).toEqual([`amqp://127.0.0.1:${given.port}`, `amqp://127.0.0.1:${given.port}`]);
});

test.each(['refused', 'black hole', 'black hole while connected', 'cut'] as const)(
  'closing takes no longer than its limit: %s',
  async (fault) => {
    if (fault === 'refused') proxy.refuse();
    if (fault === 'black hole') proxy.blackHole();
    const broker = await viaProxy();
    const inbox = openInbox(broker, queue);
    if (fault === 'cut' || fault === 'black hole while connected') {
      await inbox.consuming();
      await broker.writable(AbortSignal.timeout(5000));
      send('x');
      await inbox.next();
      if (fault === 'cut') proxy.cut();
      else proxy.blackHole();
      void inbox.deliveries[0]?.ack();
      broker
        .publish({ exchange: '', routingKey: queue, body: Buffer.from('y'), properties: {} })
        .catch(() => {});
    }
    const before = performance.now();
    await broker.close(600);
    expect(performance.now() - before).toBeLessThan(750);
    await eventually(() => proxy.connections === 0, 'no socket left');
  },
);

test('a slow network costs time and nothing else', async () => {
  proxy.delay(40);
  const broker = await viaProxy();
  const inbox = openInbox(broker, queue);
  send('x');
  expect(await (await inbox.next()).requeue({ delayMs: 50, headers: { again: true } })).toBe('settled');
  expect(await (await inbox.next()).ack()).toBe('settled');
});

/** A method frame of AMQP 0-9-1; `fields` are its arguments as bytes. */
function frame(channel: number, [classId, methodId]: readonly [number, number], fields: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(1, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(fields.length + 4, 3);
  head.writeUInt16BE(classId, 7);
  head.writeUInt16BE(methodId, 9);
  return Buffer.concat([head, fields, Buffer.from([0xce])]);
}

const FAREWELL = Buffer.from([0x02, 0x1d, 2, 0x6e, 0x6f, 0, 0, 0, 0]);

test.each([
  ['a connection', [10, 41], Buffer.from([0]), 0, [10, 50]],
  ['a channel of replies', [85, 11], Buffer.alloc(0), 1, [20, 40]],
  ['a channel of jobs', [20, 11], Buffer.alloc(4), 1, [20, 40]],
] as const)(
  '%s that the broker closes in one piece with opening it is noticed, and opened again',
  async (_what, opened, fields, channel, close) => {
    proxy.add(frame(channel, close, FAREWELL), frame(channel, opened, fields));
    const broker = await viaProxy();
    const inbox = openInbox(broker, queue);
    await broker.writable(AbortSignal.timeout(5000));
    const publication = { exchange: '', routingKey: queue, body: Buffer.from('x'), properties: {} };
    await eventually(
      () =>
        broker.publish(publication).then(
          () => true,
          () => false,
        ),
      'a publication',
    );
    expect(await (await inbox.next()).ack()).toBe('settled');
  },
);
