import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { Broker, Delivery, Publication } from '../../src/broker/broker.ts';
import { BrokerError } from '../../src/broker/broker-error.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { createRelay, type Relay } from '../../src/journal/relay.ts';
import { amqpOptions, urlParts } from '../broker/amqp/fixture.ts';
import { openInbox } from '../broker/inbox.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let proxy: TcpProxy;
let broker: Broker;
let relay: Relay;
let connection: ChannelModel;
let channel: Channel;

beforeAll(async () => {
  const url = new URL(await amqpUrl());
  proxy = await startTcpProxy({ port: Number(url.port) });
  broker = createAmqpBroker(amqpOptions(urlParts(url.href, { hostname: '127.0.0.1', port: proxy.port })));
  broker.start();
  relay = createRelay(broker);
  connection = await connect(url.href);
  channel = await connection.createChannel();
}, 300_000);

afterAll(async () => {
  await broker.close(5_000);
  await connection.close();
  await proxy.close();
});

const reply = (queue: string, body: string): Publication => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(body),
  properties: { persistent: true },
});

/** A reply queue that writes down what arrives, with the message ids. */
async function listen(): Promise<{ queue: string; heard: { body: string; id: string }[] }> {
  const { queue } = await channel.assertQueue(`relay.${randomUUID()}`, { exclusive: true });
  const heard: { body: string; id: string }[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (message !== null)
        heard.push({ body: message.content.toString(), id: String(message.properties.messageId) });
    },
    { noAck: true },
  );
  return { queue, heard };
}

describe('the relay', () => {
  it('sends replies in order, and says when each is confirmed', async () => {
    const { queue, heard } = await listen();
    const sent = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        n % 2 === 0 ? relay.sendOnce(reply(queue, `${n}`)) : relay.send(reply(queue, `${n}`)),
      ),
    );
    expect(sent.every(({ kind }) => kind === 'sent')).toBe(true);
    await eventually(() => heard.length === 200, 'all replies');
    expect(heard.map(({ body }) => body)).toStrictEqual(Array.from({ length: 200 }, (_, n) => `${n}`));
  });

  it('over cut connections: loses no final reply, doubles none but under its own message id, and never says started twice', async () => {
    const boxes = await Promise.all(Array.from({ length: 5 }, listen));
    const sent: Promise<{ kind: string }>[] = [];
    for (let round = 0; round < 20; round += 1) {
      for (const { queue } of boxes) {
        sent.push(
          relay.sendOnce(reply(queue, `started ${round}`)),
          relay.send(reply(queue, `completed ${round}`)),
        );
      }
      if (round % 5 === 4) proxy.cut();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await Promise.all(sent)).every(({ kind }) => kind === 'sent')).toBe(true);
    for (const { heard } of boxes) {
      await eventually(() => heard.some(({ body }) => body === 'completed 19'), 'the last reply');
      const firsts = [...new Map(heard.map(({ body, id }) => [id, body])).values()];
      const finals = firsts.filter((body) => body.startsWith('completed'));
      expect(finals).toStrictEqual(Array.from({ length: 20 }, (_, n) => `completed ${n}`));
      const begun = heard.map(({ body }) => body).filter((body) => body.startsWith('started'));
      expect(new Set(begun).size).toBe(begun.length);
      for (const body of begun) {
        const [, round] = body.split(' ');
        expect(firsts.indexOf(body)).toBeLessThan(firsts.indexOf(`completed ${round}`));
      }
    }
  });

  it('drops a reply whose queue is gone, and delays nobody else by it', async () => {
    const { queue, heard } = await listen();
    const gone = relay.send(reply(`gone.${randomUUID()}`, 'lost'));
    expect(await relay.send(reply(queue, 'heard'))).toStrictEqual({ kind: 'sent' });
    expect(await gone).toStrictEqual({ kind: 'dropped', reason: 'its queue is gone' });
    await eventually(() => heard.length === 1, 'the other reply');
  });

  it('holds replies while the broker is away, and gives them up when it is closed', async () => {
    const { queue, heard } = await listen();
    proxy.refuse();
    const waiting = relay.send(reply(queue, 'late'));
    proxy.resume();
    expect(await waiting).toStrictEqual({ kind: 'sent' });
    await eventually(() => heard.length === 1, 'the reply');
    proxy.refuse();
    await eventually(() => proxy.connections === 0, 'the loss');
    const never = relay.send(reply(queue, 'never'));
    await broker.close(2_000);
    // It is recorded, and the next daemon's.
    expect(await never).toStrictEqual({ kind: 'lost' });
  });
});

describe('the relay on a broker that can settle and answer in one step', () => {
  it('shows a final reply when its delivery is settled, a "started" at once, and neither twice', async () => {
    const one = createEmbeddedBroker({ file: ':memory:', exchange: 're', queues: new Map() });
    one.start();
    const relayed = createRelay(one);
    const [jobs, replies] = [openInbox(one, 'jobs'), openInbox(one, 'replies')];
    await Promise.all([jobs.consuming(), replies.consuming()]);
    await one.publish(reply('jobs', 'work'));
    const delivery = await jobs.next();
    const final = relayed.send(reply('replies', 'completed'), delivery);
    expect(await relayed.sendOnce(reply('replies', 'started'))).toStrictEqual({ kind: 'sent' });
    expect(await final).toStrictEqual({ kind: 'sent' });
    expect((await replies.next()).message.body.toString()).toBe('started');
    expect(await one.count('replies')).toBe(0);
    await delivery.ack();
    expect((await replies.next()).message.body.toString()).toBe('completed');
    await one.close(1_000);
    expect(replies.deliveries).toHaveLength(2);
  });
});

it('the relay forgets that a reply queue was full when nothing waits for it any more', async () => {
  const delivery = { isLost: false };
  let isFull = true;
  const relayed = createRelay({
    writable: async () => {},
    async publish() {
      if (!isFull) return 'routed';
      delivery.isLost = true;
      throw new BrokerError('full', 'it is full');
    },
  });
  expect(await relayed.send(reply('q', 'one'), delivery as Delivery)).toStrictEqual({ kind: 'lost' });
  isFull = false;
  const from = performance.now();
  expect(await relayed.send(reply('q', 'two'))).toStrictEqual({ kind: 'sent' });
  expect(performance.now() - from).toBeLessThan(400);
});

it('the relay waits once for a reply queue that refuses all that was on its way to it', async () => {
  const refused = Promise.withResolvers<never>();
  let onTheirWay = 0;
  const relayed = createRelay({
    writable: async () => {},
    publish() {
      if (onTheirWay === 12) return Promise.resolve('routed');
      onTheirWay += 1;
      if (onTheirWay === 12) refused.reject(new BrokerError('full', 'it is full'));
      return refused.promise;
    },
  });
  const from = performance.now();
  const sent = await Promise.all(Array.from({ length: 12 }, (_, n) => relayed.send(reply('q', `${n}`))));
  expect(sent.every(({ kind }) => kind === 'sent')).toBe(true);
  expect(performance.now() - from).toBeLessThan(900);
});
