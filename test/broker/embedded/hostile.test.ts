import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, Publication, QueueOptions } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';

function countBodies(file: string): unknown {
  const database = new DatabaseSync(file);
  const row = database.prepare('SELECT count(*) AS count FROM bodies').get();
  database.close();
  return row?.['count'];
}

const isRoot = process.getuid?.() === 0;

describe('an embedded queue among hostile neighbours', () => {
  let folder: string;
  let file: string;
  const brokers: Broker[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rbit-hostile-'));
    file = join(folder, 'queue.sqlite');
  });

  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close(2000)));
    rmSync(folder, { recursive: true });
  });

  function make(queues: ReadonlyMap<string, QueueOptions> = new Map()): {
    broker: Broker;
    troubles: string[];
  } {
    const broker = createEmbeddedBroker({ file, exchange: 'topic', queues });
    const troubles: string[] = [];
    broker.events.on('connection:lost', ({ reason }) => troubles.push(reason));
    brokers.push(broker);
    broker.start();
    return { broker, troubles };
  }

  test('nobody but its owner can read the file or what lies beside it', async () => {
    writeFileSync(file, '');
    chmodSync(file, 0o666);
    const { broker } = make();
    await broker.prepare('jobs');
    for (const name of ['', '-wal', '-shm']) expect(statSync(`${file}${name}`).mode & 0o077, name).toBe(0);
    expect(statSync(`${file}-owners`).mode & 0o077).toBe(0);
  });

  test('a file that is a link, or the folder of owners that is one, is not used', async () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    const precious = join(elsewhere, 'AAAAAAAAAAAA');
    writeFileSync(precious, '');
    utimesSync(precious, 0, 0);
    symlinkSync(elsewhere, `${file}-owners`);
    const { troubles } = make();
    await eventually(() => troubles.length > 0, 'a refusal');
    expect(troubles[0]).toMatch(/-owners is not a folder/);
    expect(existsSync(precious)).toBe(true);

    symlinkSync(join(elsewhere, 'other.sqlite'), join(folder, 'linked.sqlite'));
    const linked = createEmbeddedBroker({
      file: join(folder, 'linked.sqlite'),
      exchange: 'topic',
      queues: new Map(),
    });
    brokers.push(linked);
    const refusals: string[] = [];
    linked.events.on('connection:lost', ({ reason }) => refusals.push(reason));
    linked.start();
    await eventually(() => refusals.length > 0, 'a refusal');
    expect(existsSync(join(elsewhere, 'other.sqlite'))).toBe(false);
  });

  test('old files among the owners are removed only if they are what a killed process leaves', async () => {
    mkdirSync(`${file}-owners`);
    const left = ['AAAAAAAAAAAA', 'precious.db', 'BBBBBBBBBBBB'].map((name) => join(`${file}-owners`, name));
    const [abandoned = '', precious = '', written = ''] = left;
    writeFileSync(abandoned, '');
    writeFileSync(precious, '');
    writeFileSync(written, 'something');
    for (const path of left) utimesSync(path, 0, 0);
    make();
    await eventually(() => !existsSync(abandoned), 'the removal of what is abandoned');
    expect([existsSync(precious), existsSync(written)]).toEqual([true, true]);
  });

  test.runIf(isRoot)('a file of somebody who does not own the folder is not used (needs root)', async () => {
    writeFileSync(file, '');
    chownSync(file, 65_534, 65_534);
    const { troubles } = make();
    await eventually(() => troubles.length > 0, 'a refusal');
    expect(troubles[0]).toMatch(/belongs to user 65534/);
  });

  test.runIf(isRoot)(
    'what an administrator leaves can be used by the owner of the folder (needs root)',
    async () => {
      chownSync(folder, 65_534, 65_534);
      writeFileSync(file, '');
      chownSync(file, 65_534, 65_534);
      const { broker } = make();
      await broker.prepare('jobs');
      openInbox(broker, 'jobs');
      expect(lstatSync(`${file}-owners`).uid).toBe(65_534);
    },
  );

  test('whoever does not read what may be lost gets no more of it, and replies all the same', async () => {
    const queue = 'replies';
    const { broker } = make(new Map([[queue, { bind: ['output'], deadLetter: 'x', temporary: true }]]));
    const stopped = openInbox(broker, queue, 1);
    await stopped.consuming();
    const line: Publication = {
      exchange: 'topic',
      routingKey: 'output',
      body: Buffer.from('y'),
      properties: {},
    };
    for (let sent = 0; sent < 40_000; ) {
      if (broker.publishLoosely(line)) sent += 1;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await broker.writable(AbortSignal.timeout(10_000));
    expect(await broker.count(queue)).toBeLessThan(15_000);
    const reply: Publication = { exchange: '', routingKey: queue, body: Buffer.from('end'), properties: {} };
    const before = (await broker.count(queue)) ?? 0;
    expect(await broker.publish(reply)).toBe('routed');
    expect(await broker.count(queue)).toBe(before + 1);
  });

  test('looking at large messages keeps nobody else from the file for long', async () => {
    const { broker } = make();
    const looker = make().broker;
    await broker.prepare('large');
    await broker.prepare('jobs');
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    for (let sent = 0; sent < 12; sent += 1)
      await broker.publish({ exchange: '', routingKey: 'large', body, properties: {} });
    const size = statSync(file).size + statSync(`${file}-wal`).size;
    const inbox = openInbox(looker, 'large', 100);
    await eventually(() => inbox.deliveries.length === 12, 'a look at all of them');
    await looker.close(5000);
    // Neither being claimed nor being put back writes a body again.
    expect(statSync(file).size + statSync(`${file}-wal`).size).toBeLessThan(size * 1.5);
    expect(await broker.count('large')).toBe(12);
  });

  test('a large body goes with its message, however that goes', async () => {
    const { broker } = make(new Map([['passing', { bind: [], deadLetter: 'x', temporary: true }]]));
    const body = Buffer.alloc(100_000, 'x');
    const passing = openInbox(broker, 'passing', 1);
    const inbox = openInbox(broker, 'jobs', 2);
    const dead = openInbox(broker, 'jobs.dead', 2);
    await Promise.all([passing, inbox, dead].map((one) => one.consuming()));
    for (const routingKey of ['jobs', 'jobs', 'passing', 'passing'])
      await broker.publish({ exchange: '', routingKey, body, properties: {} });
    const [first, second] = [await inbox.next(), await inbox.next()];
    expect(countBodies(file)).toBe(4);
    await Promise.all([first.requeue({ delayMs: 0, headers: {} }), second.deadLetter({})]);
    const [again, buried] = [await inbox.next(), await dead.next()];
    expect([again, buried].map(({ message }) => message.body.equals(body))).toEqual([true, true]);
    await Promise.all([again.ack(), buried.ack(), passing.consumer.stop()]);
    expect(countBodies(file)).toBe(0);
  });
});
