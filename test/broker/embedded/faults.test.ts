import { execFileSync, spawn } from 'node:child_process';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Publication } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

const PROGRAM = fileURLToPath(new URL('../../fixtures/embedded/other-process.ts', import.meta.url));

function job(body: string | Buffer): Publication {
  return { exchange: '', routingKey: 'jobs', body: Buffer.from(body), properties: {} };
}

describe('a queue file in trouble', () => {
  const on = useQueueFolder();

  test('another writer is waited for without holding up the event loop', async () => {
    const { broker, said } = on.watch();
    await broker.prepare('jobs');
    const writer = new DatabaseSync(on.file);
    writer.exec('BEGIN IMMEDIATE');
    let isPublished = false;
    const publishing = broker.publish(job('x')).then((fate) => {
      isPublished = true;
      return fate;
    });
    let longestTurnMs = 0;
    const since = performance.now();
    for (let last = since; last - since < 500; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = performance.now();
      longestTurnMs = Math.max(longestTurnMs, now - last);
      last = now;
    }
    expect(isPublished).toBe(false);
    writer.exec('COMMIT');
    writer.close();
    expect(await publishing).toBe('routed');
    // It waits for 400 ms.
    expect(longestTurnMs).toBeLessThan(200);
    expect(said).toEqual(['open']);
  });

  test('a writer that holds the file for long is told, nothing is lost, and all goes on when it ends', async () => {
    const { broker, said } = on.watch();
    const inbox = openInbox(broker, 'jobs');
    await inbox.consuming();
    await broker.publish(job('1'));
    const delivery = await inbox.next();
    const writer = new DatabaseSync(on.file);
    writer.exec('BEGIN IMMEDIATE');
    const settling = delivery.ack();
    const publishing = broker.publish(job('2'));
    await eventually(() => said.length > 1, 'the word of it');
    expect(said[1]).toMatch(/queue\.sqlite: another process holds it/);
    await expect(broker.publish(job('3'))).rejects.toMatchObject({ kind: 'unavailable' });
    expect(broker.publishLoosely(job('4'))).toBe(false);
    writer.exec('COMMIT');
    writer.close();
    expect(await settling).toBe('settled');
    expect(await publishing).toBe('routed');
    expect((await inbox.next()).message.body.toString()).toBe('2');
    await broker.writable(AbortSignal.timeout(5000));
    expect(said.at(-1)).toBe('open');
  });

  test('a file that cannot be opened yet is tried again, and closing does not wait for it', async () => {
    writeFileSync(
      on.file,
      'something else, and long enough not to be taken for an empty database'.repeat(20),
    );
    const { broker, said } = on.watch();
    const inbox = openInbox(broker, 'jobs');
    await eventually(() => said.length > 0, 'the word of it');
    expect(said[0]).toMatch(/it is not a SQLite database/);
    rmSync(on.file);
    await inbox.consuming();
    await broker.publish(job('x'));
    expect((await inbox.next()).message.body.toString()).toBe('x');

    const second = createEmbeddedBroker({ file: on.folder, exchange: 'topic', queues: new Map() });
    second.start();
    openInbox(second, 'jobs');
    const before = performance.now();
    await second.close(300);
    expect(performance.now() - before).toBeLessThan(1500);
  });

  test('a full disk loses nothing that was confirmed, and publishing goes on when there is room', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    // The limit on the size of files is the disk of one process.
    const child = spawn(
      'sh',
      [
        '-c',
        `ulimit -S -f 2000; exec "$0" "$@"`,
        process.execPath,
        PROGRAM,
        on.file,
        'publish',
        'jobs',
        '1000000',
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const facts: { fact: string; body?: string; reason?: string }[] = [];
    createInterface({ input: child.stdout }).on('line', (line) =>
      facts.push(JSON.parse(line) as (typeof facts)[0]),
    );
    try {
      await eventually(() => facts.some(({ fact }) => fact === 'lost'), 'a full disk', 20_000);
      const published = facts.filter(({ fact }) => fact === 'published').length;
      expect(published).toBeGreaterThan(0);
      expect(await broker.count('jobs')).toBe(published);
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']);
      await eventually(
        () => facts.filter(({ fact }) => fact === 'published').length > published + 10,
        'more',
      );
    } finally {
      child.kill('SIGKILL');
    }
    await eventually(() => child.signalCode !== null, 'its end');
    const published = facts.filter(({ fact }) => fact === 'published').length;
    const count = (await broker.count('jobs')) ?? 0;
    expect([published, published + 1]).toContain(count);
  });

  test('a message that cannot be read is told of, and keeps none from those that came with it', async () => {
    const { broker, said } = on.watch();
    await broker.prepare('jobs');
    for (const body of ['1', '2', '3', '4']) await broker.publish(job(body));
    const database = new DatabaseSync(on.file);
    database.exec("UPDATE messages SET properties = 'oops' WHERE CAST(body AS TEXT) = '1'");
    database.close();
    let unhandled = 0;
    broker.events.on('delivery:unhandled', () => (unhandled += 1));
    const got: string[] = [];
    broker.consume('jobs', {
      prefetch: 3,
      onDelivery: (delivery) => {
        got.push(delivery.message.body.toString());
        void delivery.ack();
      },
    });
    await eventually(() => got.length === 3, `the others (${said.join(', ')})`);
    expect([got.toSorted(), unhandled]).toStrictEqual([['2', '3', '4'], 1]);
  });

  test('the file does not grow with what has passed through it, and shrinks after a backlog', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    const body = Buffer.alloc(20_000, 'x');
    const backlog = async (): Promise<void> => {
      for (let sent = 0; sent < 1000; sent += 100) {
        await Promise.all(Array.from({ length: 100 }, () => broker.publish(job(body))));
      }
    };
    await backlog();
    const largest = sizeOf(on.file);
    for (let round = 0; round < 3; round += 1) {
      const consumer = broker.consume('jobs', {
        prefetch: 100,
        onDelivery: (delivery) => void delivery.ack(),
      });
      await eventually(async () => (await broker.count('jobs')) === 0, 'an empty queue', 20_000);
      await consumer.stop();
      if (round < 2) await backlog();
    }
    expect(sizeOf(on.file)).toBeLessThan(largest * 1.5);
    await eventually(() => sizeOf(on.file) < largest / 2, 'a smaller file', 25_000);
    // The write-ahead log, too: it is cut back when its contents have gone into the file.
    expect(sizeOf(`${on.file}-wal`)).toBeLessThan(40 * 1024 * 1024);
  });
});

function sizeOf(file: string): number {
  return statSync(file).size;
}
