import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, Publication, SearchableBroker } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { createDoubts } from '../../src/receipt/doubts.ts';
import { createIntake } from '../../src/receipt/intake.ts';
import { openInbox } from '../broker/inbox.ts';
import { deliveryOf } from '../support/delivery.ts';
import { altered } from '../support/altered.ts';

let folder: string;
let local: SearchableBroker;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rbit-receipt-'));
  local = createEmbeddedBroker({
    file: join(folder, 'receipts.sqlite'),
    exchange: 'none',
    queues: new Map(),
  });
  local.start();
  await local.prepare('jobs');
});
afterEach(async () => {
  await local.close(1000);
  rmSync(folder, { recursive: true });
});

async function takeIn(delivery: Delivery): Promise<string[]> {
  const events = new EventEmitter<WorkEvents>();
  const bugs: string[] = [];
  events.on('bug', ({ error }) => bugs.push(String(error)));
  const store = async (publication: Publication): Promise<void> => void (await local.publish(publication));
  const journal = createMemoryJournal();
  const doubts = createDoubts(journal);
  const options = { runner: 'work', store, storeReply: store, local, journal, doubts, events };
  await createIntake(options)(altered(delivery, { ack: async () => 'settled' }), Promise.resolve());
  return bugs;
}

describe('a stored job', () => {
  it('is kept without its headers where these cannot be written down', async () => {
    const headers = { bad: Number.NaN, worse: { deep: [1n] }, good: 'yes', many: 3 };
    expect(await takeIn(deliveryOf('one', { correlationId: 'c', headers }))).toStrictEqual([]);
    const { message } = await openInbox(local, 'jobs').next();
    expect(message.body.toString()).toBe('one');
    expect(message.properties).toMatchObject({ correlationId: 'c' });
    expect(Object.keys(message.properties.headers).toSorted()).toStrictEqual([
      'good',
      'many',
      'receipt-token',
      'x-rbit-copy',
      'x-rbit-dropped',
    ]);
  });

  it('has an id that lasts, if its message has none of its own', async () => {
    await takeIn(deliveryOf('one'));
    const { headers } = (await openInbox(local, 'jobs').next()).message.properties;
    expect(headers['x-rbit-id']).toMatch(/^[\w-]{12}$/);
    expect(headers['x-rbit-copy']).toBe(headers['x-rbit-id']);
  });

  it('has one also if it is a copy that went back unseen', async () => {
    const copy = randomUUID();
    await takeIn(deliveryOf('one', { headers: { 'x-rbit-copy': copy } }));
    const { headers } = (await openInbox(local, 'jobs').next()).message.properties;
    expect(headers).toMatchObject({ 'x-rbit-id': expect.stringMatching(/^[\w-]{12}$/), 'x-rbit-copy': copy });
  });

  it('bears no mark of ours that its sender has put there', async () => {
    const headers = { 'receipt-begun': true, 'receipt-token': 'forged' };
    await takeIn(deliveryOf('one', { messageId: 'm', headers }));
    const stored = (await openInbox(local, 'jobs').next()).message.properties.headers;
    expect(Object.keys(stored)).toStrictEqual(['receipt-token']);
    expect(stored['receipt-token']).not.toBe('forged');
  });
});
