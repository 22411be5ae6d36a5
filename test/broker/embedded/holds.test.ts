import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SearchableBroker } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { openInbox } from '../inbox.ts';

let folder: string;
let brokers: SearchableBroker[];

function open(): SearchableBroker {
  const file = join(folder, 'queue.sqlite');
  const broker = createEmbeddedBroker({ file, exchange: 'none', queues: new Map() });
  brokers.push(broker);
  broker.start();
  return broker;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rbit-holds-'));
  brokers = [];
});
afterEach(async () => {
  for (const broker of brokers) await broker.close(1000);
  rmSync(folder, { recursive: true });
});

const job = (headers: Record<string, unknown>) => ({
  exchange: '',
  routingKey: 'jobs',
  body: Buffer.from('job'),
  properties: { headers },
});

describe('a message is found by a header', () => {
  it('while it is ready, in hand, in the hands of another process and delayed, and not when it is settled', async () => {
    const [broker, other] = [open(), open()];
    const holds = () => Promise.all([broker, other].map((one) => one.holds('jobs', 'a-token', 'x')));
    await broker.prepare('jobs');
    expect(await holds()).toStrictEqual([false, false]);
    await broker.publish(job({ 'a-token': 'x', more: 1 }));
    expect(await holds()).toStrictEqual([true, true]);
    const inbox = openInbox(broker, 'jobs', 1);
    const delivery = await inbox.next();
    expect(await holds()).toStrictEqual([true, true]);
    await delivery.requeue({ delayMs: 200, headers: { more: 2 } });
    expect(await holds()).toStrictEqual([true, true]);
    await (await inbox.next()).ack();
    expect(await holds()).toStrictEqual([false, false]);
  });

  it('of that name, text and queue alone', async () => {
    const broker = open();
    await broker.prepare('jobs');
    await broker.publish(job({ 'a-token': 'x', other: 'y', deep: { 'a-token': 'z' }, number: 5 }));
    const found = await Promise.all(
      [
        ['jobs', 'a-token', 'y'],
        ['jobs', 'other', 'x'],
        ['jobs', 'a-token', 'z'],
        ['jobs', 'number', '5'],
        ['elsewhere', 'a-token', 'x'],
      ].map(([queue = '', header = '', text = '']) => broker.holds(queue, header, text)),
    );
    expect(found).toStrictEqual([false, false, false, false, false]);
  });

  it('also when the question comes before the file is open', async () => {
    const file = join(folder, 'queue.sqlite');
    const broker = createEmbeddedBroker({ file, exchange: 'none', queues: new Map() });
    brokers.push(broker);
    const answer = broker.holds('jobs', 'a-token', 'x');
    broker.start();
    expect(await answer).toBe(false);
  });

  it('until the broker is closed, which rejects the question', async () => {
    const broker = open();
    await broker.close(100);
    await expect(broker.holds('jobs', 'a-token', 'x')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
