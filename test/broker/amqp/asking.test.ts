import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AmqpOptions } from '../../../src/broker/amqp/options.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { eventually } from '../../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
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
  queue = `asking.${randomUUID()}`;
});
afterEach(() => proxy.close());

async function viaProxy(changes: Partial<AmqpOptions> = {}): Promise<Broker> {
  const url = urlParts(await amqpUrl(), { hostname: '127.0.0.1', port: proxy.port });
  return rabbit.broker({ urls: [url], ...changes });
}

describe.each(['passive', 'no'] as const)('preparing when declare is %s', (declare) => {
  test('says whether the queue is there, and makes none', async () => {
    const broker = rabbit.broker({ declare });
    expect(await broker.prepare(queue)).toBe(false);
    expect(await broker.count(queue)).toBeUndefined();
    await rabbit.channel.assertQueue(queue);
    expect(await broker.prepare(queue)).toBe(true);
  });
});

const ways: [string, (broker: Broker, signal?: AbortSignal) => Promise<unknown>][] = [
  ['preparing', (broker, signal) => broker.prepare(queue, signal)],
  ['counting', (broker, signal) => broker.count(queue, signal)],
];

describe.each(ways)('%s', (_what, ask) => {
  beforeEach(async () => {
    await rabbit.channel.assertQueue(queue);
  });

  test('waits for a broker that is away, and goes on when the connection is lost meanwhile', async () => {
    proxy.refuse();
    const broker = await viaProxy();
    const answer = ask(broker);
    await eventually(() => proxy.accepted >= 2, 'a try to connect');
    proxy.resume();
    expect(await answer).toBeDefined();
    proxy.blackHole();
    const later = ask(broker);
    proxy.resume();
    expect(await later).toBeDefined();
  });

  test('rejects with the reason of its signal, before and while it is asked', async () => {
    const broker = await viaProxy();
    await ask(broker);
    proxy.blackHole();
    const reason = new Error('too long');
    const abort = new AbortController();
    const answer = ask(broker, abort.signal);
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await expect(ask(broker, abort.signal)).rejects.toBe(reason);
  });

  test('rejects when the broker is closed, before and while it is asked', async () => {
    const broker = await viaProxy();
    await ask(broker);
    proxy.blackHole();
    const answer = ask(broker);
    const closed = broker.close(100);
    await expect(answer).rejects.toMatchObject({ kind: 'unavailable' });
    await closed;
    await expect(ask(broker)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('is no use again when the broker says no, or the name cannot be written down', async () => {
    const broker = await viaProxy();
    await rabbit.channel.deleteQueue(queue);
    await rabbit.channel.assertQueue(queue, { exclusive: true });
    await expect(ask(broker)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(queue),
    });
    await rabbit.channel.deleteQueue(queue);
    queue = 'x'.repeat(300);
    await expect(ask(broker)).rejects.toMatchObject({ kind: 'unencodable' });
  });
});
