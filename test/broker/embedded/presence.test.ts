import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Publication } from '../../../src/broker/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

const OPENER = fileURLToPath(new URL('../../fixtures/embedded/open-at-once.ts', import.meta.url));

const job = (body: string): Publication => ({
  exchange: '',
  routingKey: 'jobs',
  body: Buffer.from(body),
  properties: {},
});

describe('who holds the messages of an embedded queue', () => {
  const on = useQueueFolder();

  test('is not lost with the files of their owners: who lives makes its own anew', async () => {
    const [holder, other] = [on.open(), on.open()];
    const held = openInbox(holder, 'jobs', 1);
    await held.consuming();
    await holder.publish(job('1'));
    const delivery = await held.next();
    const waiting = openInbox(other, 'jobs', 1);
    await waiting.consuming();
    rmSync(`${on.file}-owners`, { recursive: true });
    await eventually(() => readdirSync(on.folder).includes('queue.sqlite-owners'), 'new files');
    await eventually(() => readdirSync(`${on.file}-owners`).length === 2, 'a on.file for each');
    const since = performance.now();
    await eventually(() => performance.now() - since > 5500, 'several looks at who is there', 8000);
    expect(waiting.deliveries).toHaveLength(0);
    expect(delivery.isLost).toBe(false);
    expect(await delivery.ack()).toBe('settled');
    // It is awakened by its new file as well.
    await other.publish(job('2'));
    const next = await eventually(
      () => held.deliveries[1] ?? waiting.deliveries[0],
      'the next message, at one of them',
    );
    expect(next.message.body.toString()).toBe('2');
  });

  test('messages of an owner whom nobody has heard of are put back', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    await broker.publish(job('1'));
    const database = new DatabaseSync(on.file);
    database.exec("UPDATE messages SET owner = 'AAAAAAAAAAAA'");
    database.close();
    const inbox = openInbox(broker, 'jobs', 1);
    const delivery = await inbox.next(15_000);
    expect([delivery.message.body.toString(), delivery.redelivered]).toEqual(['1', true]);
  });

  test('a delivery whose message is handed out again is lost', async () => {
    const broker = on.open();
    const inbox = openInbox(broker, 'jobs', 2);
    await inbox.consuming();
    await broker.publish(job('1'));
    const first = await inbox.next();
    const database = new DatabaseSync(on.file);
    database.exec('UPDATE messages SET owner = NULL, redelivered = 1');
    database.close();
    const second = await inbox.next();
    expect([first.isLost, second.isLost, second.redelivered]).toEqual([true, false, true]);
    expect(await second.ack()).toBe('settled');
    expect(await first.ack()).toBe('lost');
  });

  test('the last word on a delivery that is lost is said all the same', async () => {
    const broker = on.open();
    await broker.prepare('replies');
    const inbox = openInbox(broker, 'jobs', 2);
    await inbox.consuming();
    await broker.publish(job('1'));
    const first = await inbox.next();
    const reply: Publication = { ...job('done'), routingKey: 'replies' };
    expect(await broker.publish(reply, first)).toBe('routed');
    expect(await broker.count('replies')).toBe(0);
    const database = new DatabaseSync(on.file);
    database.exec('UPDATE messages SET owner = NULL, redelivered = 1');
    database.close();
    const second = await inbox.next();
    // What is said of it from now on need not wait for anything.
    expect(await broker.publish(reply, first)).toBe('routed');
    expect(await broker.count('replies')).toBe(1);
    expect(await first.ack()).toBe('lost');
    expect(await broker.count('replies')).toBe(2);
    expect(await second.ack()).toBe('settled');
  });

  test('who cannot remove its file is gone all the same', async () => {
    const broker = on.open();
    openInbox(broker, 'jobs');
    await broker.prepare('jobs');
    // For root the mode means nothing; then there is nothing to see, and nothing may fail either.
    chmodSync(`${on.file}-owners`, 0o500);
    await broker.close(2000);
    chmodSync(`${on.file}-owners`, 0o700);
    const after = openInbox(on.open(), 'jobs');
    await after.consuming();
  });

  test('a file that many processes make at the same moment is nobody else’s', async () => {
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [OPENER, on.folder, '40'], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    const said = children.map(async (child) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      await once(child, 'close');
      return text;
    });
    const startAt = String(Date.now() + 200);
    for (const child of children) child.stdin.end(startAt);
    expect(await Promise.all(said)).toEqual(['', '', '', '']);
  });
});
