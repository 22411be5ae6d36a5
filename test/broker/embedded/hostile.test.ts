import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { Publication } from '../../../src/broker/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

function countBodies(file: string): unknown {
  const database = new DatabaseSync(file);
  const row = database.prepare('SELECT count(*) AS count FROM bodies').get();
  database.close();
  return row?.['count'];
}

const isRoot = process.getuid?.() === 0;

describe('an embedded queue among hostile neighbours', () => {
  const on = useQueueFolder();

  test('nobody but its owner can read the file or what lies beside it', async () => {
    writeFileSync(on.file, '');
    chmodSync(on.file, 0o666);
    const broker = on.open();
    await broker.prepare('jobs');
    for (const name of ['', '-wal', '-shm']) expect(statSync(`${on.file}${name}`).mode & 0o077, name).toBe(0);
    expect(statSync(`${on.file}-owners`).mode & 0o077).toBe(0);
  });

  test('a file that is a link, or the folder of owners that is one, is not used', async () => {
    const elsewhere = join(on.folder, 'elsewhere');
    mkdirSync(elsewhere);
    const precious = join(elsewhere, 'AAAAAAAAAAAA');
    writeFileSync(precious, '');
    utimesSync(precious, 0, 0);
    symlinkSync(elsewhere, `${on.file}-owners`);
    const { said } = on.watch();
    await eventually(() => said.length > 0, 'a refusal');
    expect(said[0]).toMatch(/-owners is not a folder/);
    expect(existsSync(precious)).toBe(true);

    symlinkSync(join(elsewhere, 'other.sqlite'), join(on.folder, 'linked.sqlite'));
    const { said: refusals } = on.watch(new Map(), join(on.folder, 'linked.sqlite'));
    await eventually(() => refusals.length > 0, 'a refusal');
    expect(existsSync(join(elsewhere, 'other.sqlite'))).toBe(false);
  });

  test('old files among the owners are removed only if they are what a killed process leaves', async () => {
    mkdirSync(`${on.file}-owners`);
    const left = ['AAAAAAAAAAAA', 'precious.db', 'BBBBBBBBBBBB'].map((name) =>
      join(`${on.file}-owners`, name),
    );
    const [abandoned = '', precious = '', written = ''] = left;
    writeFileSync(abandoned, '');
    writeFileSync(precious, '');
    writeFileSync(written, 'something');
    for (const path of left) utimesSync(path, 0, 0);
    on.open();
    await eventually(() => !existsSync(abandoned), 'the removal of what is abandoned');
    expect([existsSync(precious), existsSync(written)]).toEqual([true, true]);
  });

  test.runIf(isRoot)('a file of somebody who does not own the folder is not used (needs root)', async () => {
    writeFileSync(on.file, '');
    chownSync(on.file, 65_534, 65_534);
    const { said } = on.watch();
    await eventually(() => said.length > 0, 'a refusal');
    expect(said[0]).toMatch(/belongs to user 65534/);
  });

  test.runIf(isRoot)(
    'what an administrator leaves can be used by the owner of the folder (needs root)',
    async () => {
      chownSync(on.folder, 65_534, 65_534);
      writeFileSync(on.file, '');
      chownSync(on.file, 65_534, 65_534);
      const broker = on.open();
      await broker.prepare('jobs');
      openInbox(broker, 'jobs');
      expect(lstatSync(`${on.file}-owners`).uid).toBe(65_534);
    },
  );

  test('whoever does not read what may be lost gets no more of it, and replies all the same', async () => {
    const queue = 'replies';
    const broker = on.open(new Map([[queue, { bind: ['output'], deadLetter: 'x', temporary: true }]]));
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
    const reply: Publication = { exchange: '', routingKey: queue, body: Buffer.from('end'), properties: {} };
    await broker.writable(AbortSignal.timeout(10_000));
    // What is confirmed now is written after all that was let through.
    expect(await broker.publish(reply)).toBe('routed');
    const before = (await broker.count(queue)) ?? 0;
    expect(before).toBeLessThan(15_000);
    expect(await broker.publish(reply)).toBe('routed');
    expect(await broker.count(queue)).toBe(before + 1);
  });

  test('looking at large messages keeps nobody else from the file for long', async () => {
    const broker = on.open();
    const looker = on.open();
    await broker.prepare('large');
    await broker.prepare('jobs');
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    for (let sent = 0; sent < 12; sent += 1)
      await broker.publish({ exchange: '', routingKey: 'large', body, properties: {} });
    const size = statSync(on.file).size + statSync(`${on.file}-wal`).size;
    const inbox = openInbox(looker, 'large', 100);
    await eventually(() => inbox.deliveries.length === 12, 'a look at all of them');
    await looker.close(5000);
    // Neither being claimed nor being put back writes a body again.
    expect(statSync(on.file).size + statSync(`${on.file}-wal`).size).toBeLessThan(size * 1.5);
    expect(await broker.count('large')).toBe(12);
  });

  test('a large body goes with its message, however that goes', async () => {
    const broker = on.open(new Map([['passing', { bind: [], deadLetter: 'x', temporary: true }]]));
    const body = Buffer.alloc(100_000, 'x');
    const passing = openInbox(broker, 'passing', 1);
    const inbox = openInbox(broker, 'jobs', 2);
    const dead = openInbox(broker, 'jobs.dead', 2);
    await Promise.all([passing, inbox, dead].map((one) => one.consuming()));
    for (const routingKey of ['jobs', 'jobs', 'passing', 'passing'])
      await broker.publish({ exchange: '', routingKey, body, properties: {} });
    const [first, second] = [await inbox.next(), await inbox.next()];
    expect(countBodies(on.file)).toBe(4);
    await Promise.all([first.requeue({ delayMs: 0, headers: {} }), second.deadLetter({ headers: {} })]);
    const [again, buried] = [await inbox.next(), await dead.next()];
    expect([again, buried].map(({ message }) => message.body.equals(body))).toEqual([true, true]);
    await Promise.all([again.ack(), buried.ack(), passing.consumer.stop()]);
    expect(countBodies(on.file)).toBe(0);
  });
});
