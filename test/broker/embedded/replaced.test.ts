import { mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { Broker, Publication, QueueOptions } from '../../../src/broker/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

const REPLIES: QueueOptions = { bind: [], deadLetter: 'x', temporary: true };

function to(routingKey: string, body: string | Buffer): Publication {
  return { exchange: '', routingKey, body: Buffer.from(body), properties: { headers: { of: 'mine' } } };
}

function bodyOf({ message }: { readonly message: { readonly body: Buffer } }): string {
  return message.body.toString();
}

describe('a queue file that is removed', () => {
  const on = useQueueFolder();

  function remove(): void {
    for (const end of ['', '-wal', '-shm']) rmSync(`${on.file}${end}`, { force: true });
  }

  async function noticed(said: readonly string[]): Promise<void> {
    await eventually(() => said.some((word) => /removed or replaced/.test(word)), 'the word of it');
    await eventually(() => said.at(-1) === 'open', 'the new file');
  }

  test('is said, and the one that takes its place is worked, without what waited', async () => {
    const { broker, said } = on.watch(new Map([['replies', REPLIES]]));
    openInbox(broker, 'replies');
    const inbox = openInbox(broker, 'jobs', 1);
    await inbox.consuming();
    await broker.publish(to('jobs', 'in hand'));
    const inHand = await inbox.next();
    await broker.publish(to('jobs', 'waiting'));
    remove();
    await noticed(said);
    const submitter = on.open();
    await submitter.publish(to('jobs', 'new'));
    expect(await submitter.publish(to('replies', 'x'))).toBe('routed');
    await inHand.ack();
    expect(bodyOf(await inbox.next())).toBe('new');
  });

  test('leaves in hand what is in hand, and its room is free again when it is settled', async () => {
    const { broker, said } = on.watch();
    const inbox = openInbox(broker, 'jobs', 2);
    await inbox.consuming();
    const large = 'x'.repeat(100_000);
    for (const body of ['small', large]) await broker.publish(to('jobs', body));
    const held = [await inbox.next(), await inbox.next()];
    remove();
    await noticed(said);
    expect(held.map(({ isLost }) => isLost)).toStrictEqual([false, false]);
    for (const body of ['3', '4']) await broker.publish(to('jobs', body));
    expect(await broker.count('jobs')).toBe(2);
    for (const delivery of held) expect(await delivery.ack()).toBe('settled');
    expect([bodyOf(await inbox.next()), bodyOf(await inbox.next())]).toStrictEqual(['3', '4']);
  });

  test('gives what was in hand to the next, as it was, when its broker has gone', async () => {
    const { broker, said } = on.watch();
    const inbox = openInbox(broker, 'jobs');
    await broker.prepare('jobs');
    const bodies = ['small', 'x'.repeat(100_000)];
    for (const body of bodies) await broker.publish(to('jobs', body));
    await inbox.next();
    await inbox.next();
    remove();
    await noticed(said);
    await broker.close(2000);
    const next = openInbox(on.open(), 'jobs');
    const again = [await next.next(), await next.next()];
    expect(again.map(bodyOf)).toStrictEqual(bodies);
    expect(again.map(({ redelivered, crashes }) => [redelivered, crashes])).toStrictEqual([
      [true, 0],
      [true, 0],
    ]);
    expect(again[0]?.message.properties.headers).toStrictEqual({ of: 'mine' });
  });

  test('takes what is put back, dead-lettered or answered at that very moment into the one after it', async () => {
    const broker = on.open();
    const inbox = openInbox(broker, 'jobs', 3);
    await inbox.consuming();
    await broker.prepare('jobs.dead');
    await broker.prepare('answers');
    for (const body of ['back', 'dead', 'done']) await broker.publish(to('jobs', body));
    const [back, dead, done] = [await inbox.next(), await inbox.next(), await inbox.next()];
    remove();
    const answered = broker.publish(to('answers', 'answer'), done);
    const ends = [back.requeue({ delayMs: 0, headers: {} }), dead.deadLetter({ headers: {} }), done.ack()];
    expect(await Promise.all([...ends, answered])).toStrictEqual(['settled', 'settled', 'settled', 'routed']);
    expect(bodyOf(await inbox.next())).toBe('back');
    const other = on.open();
    expect([await other.count('jobs.dead'), await other.count('answers')]).toStrictEqual([1, 1]);
  });

  test('is written to no more: what is published next is in the one that takes its place', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    remove();
    expect(await broker.publish(to('jobs', 'x'))).toBe('routed');
    expect(await on.open().count('jobs')).toBe(1);
  });

  test('is not consumed as long as it cannot be made anew', async () => {
    const inbox = openInbox(on.open(), 'jobs');
    await inbox.consuming();
    remove();
    mkdirSync(on.file);
    await eventually(() => inbox.consumer.state === 'opening', 'the word of it');
    rmdirSync(on.file);
    await inbox.consuming();
  });

  test('costs a consumer that has stopped nothing of what it has in hand', async () => {
    const { broker, said } = on.watch();
    const inbox = openInbox(broker, 'jobs');
    await broker.prepare('jobs');
    await broker.publish(to('jobs', 'x'));
    const delivery = await inbox.next();
    await inbox.consumer.stop();
    remove();
    await noticed(said);
    expect(await delivery.ack()).toBe('settled');
    expect(inbox.consumer.state).toBe('stopped');
  });

  test('leaves each of two brokers what it has in hand, also where another message has its place', async () => {
    const [one, two] = [on.watch(), on.watch()];
    const inboxes = [openInbox(one.broker, 'jobs', 1), openInbox(two.broker, 'jobs', 1)] as const;
    for (const inbox of inboxes) await inbox.consuming();
    for (const body of ['1', '2']) await one.broker.publish(to('jobs', body));
    const held = [await inboxes[0].next(), await inboxes[1].next()];
    remove();
    const submitter = on.open();
    await submitter.prepare('jobs');
    for (const body of ['3', '4']) await submitter.publish(to('jobs', body));
    await noticed(one.said);
    await noticed(two.said);
    for (const delivery of held) expect(await delivery.ack()).toBe('settled');
    const next = [await inboxes[0].next(), await inboxes[1].next()];
    for (const delivery of next) expect(await delivery.ack()).toBe('settled');
    expect([...held, ...next].map(bodyOf).toSorted()).toStrictEqual(['1', '2', '3', '4']);
  });

  test('hides nobody from those who see it first: not who consumes, nor the queue of who waits for replies', async () => {
    const [broker, requester] = [on.open(), on.open(new Map([['replies', REPLIES]]))];
    const replies = openInbox(requester, 'replies');
    await replies.consuming();
    await openInbox(requester, 'jobs').consuming();
    await openInbox(broker, 'jobs').consuming();
    remove();
    expect(await broker.publish(to('replies', 'answer'))).toBe('routed');
    expect(await broker.countConsumers('jobs')).toBe(2);
    expect(bodyOf(await replies.next())).toBe('answer');
    expect(await broker.countConsumers('replies')).toBe(1);
  });
});

describe('a backup that takes the place of the queue file', () => {
  const on = useQueueFolder();

  function backUp(): () => void {
    const database = new DatabaseSync(on.file);
    database.exec(`VACUUM INTO '${on.file}.backup'`);
    database.close();
    return () => {
      for (const end of ['-wal', '-shm']) renameSync(`${on.file}${end}`, `${on.file}.away${end}`);
      renameSync(`${on.file}.backup`, on.file);
    };
  }

  async function publish(broker: Broker, ...bodies: string[]): Promise<void> {
    for (const body of bodies) await broker.publish(to('jobs', body));
  }

  test('leaves in hand what was in hand when it was made, and hands out again what was settled since', async () => {
    const { broker, said } = on.watch();
    const inbox = openInbox(broker, 'jobs', 2);
    await inbox.consuming();
    await publish(broker, 'held', 'x'.repeat(100_000), 'settled');
    const [held, large] = [await inbox.next(), await inbox.next()];
    const restore = backUp();
    await large.ack();
    await (await inbox.next()).ack();
    restore();
    await eventually(() => said.length > 2, 'the new file');
    expect(held.isLost).toBe(false);
    const again = await inbox.next();
    expect([bodyOf(again), again.redelivered]).toStrictEqual([bodyOf(large), true]);
    await again.ack();
    expect(bodyOf(await inbox.next())).toBe('settled');
    expect(await held.ack()).toBe('settled');
    expect(inbox.deliveries.filter((one) => bodyOf(one) === 'held')).toHaveLength(1);
  });

  test('takes from a broker what another has in hand there, and the room of it is free', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    await publish(broker, '1');
    const restore = backUp();
    const inbox = openInbox(broker, 'jobs', 1);
    const stale = await inbox.next();
    restore();
    const other = openInbox(on.open(), 'jobs', 1);
    const taken = await other.next();
    expect(bodyOf(taken)).toBe('1');
    await eventually(() => stale.isLost, 'the word of it');
    await publish(broker, '2');
    expect(bodyOf(await inbox.next())).toBe('2');
    expect([await stale.ack(), await taken.ack()]).toStrictEqual(['lost', 'settled']);
  });
});

describe('a message that is handed out again while it is in hand', () => {
  const on = useQueueFolder();

  test('takes the room of one', async () => {
    const broker = on.open();
    const inbox = openInbox(broker, 'jobs', 2);
    await inbox.consuming();
    await broker.publish(to('jobs', '1'));
    const stale = await inbox.next();
    const database = new DatabaseSync(on.file);
    // As whoever takes this broker for gone.
    database.exec('UPDATE messages SET owner = NULL, redelivered = 1');
    database.close();
    const again = await inbox.next();
    expect([stale.isLost, again.redelivered]).toStrictEqual([true, true]);
    expect(await again.ack()).toBe('settled');
    for (const body of ['2', '3']) await broker.publish(to('jobs', body));
    expect([bodyOf(await inbox.next()), bodyOf(await inbox.next())]).toStrictEqual(['2', '3']);
  });
});
