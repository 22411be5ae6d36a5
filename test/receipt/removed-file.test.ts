import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openInbox } from '../broker/inbox.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';
import { type Ground, openGround } from './ground.ts';

let ground: Ground;
beforeEach(async () => {
  ground = await openGround(await amqpUrl());
}, 300_000);
afterEach(() => ground.close());

function remove(): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${ground.file}${end}`, { force: true });
}

describe('when the file of what was received is removed', () => {
  it('the job in hand stays so and is answered, and the queue goes on', async () => {
    const { receipts } = ground.host();
    const { name: replyTo, heard } = await ground.replyQueue();
    const inbox = openInbox(receipts, ground.queue, 1);
    await ground.send('one');
    const one = await inbox.next();
    let lost = 0;
    receipts.events.on('connection:lost', () => (lost += 1));
    remove();
    await eventually(() => lost === 1 && inbox.consumer.state === 'consuming', 'the new file');
    expect(one.isLost).toBe(false);
    const reply = (body: string) => ({
      exchange: '',
      routingKey: replyTo,
      body: Buffer.from(body),
      properties: {},
    });
    expect(await Promise.all([receipts.publish(reply('1'), one), one.ack()])).toStrictEqual([
      'routed',
      'settled',
    ]);
    await ground.send('two');
    const two = await inbox.next();
    expect(two.message.body.toString()).toBe('two');
    await Promise.all([receipts.publish(reply('2'), two), two.ack()]);
    await eventually(() => heard.length === 2, 'both replies');
    expect(heard).toStrictEqual(['1', '2']);
    await eventually(() => ground.stored().length === 0, 'an empty file');
  });

  it('no message is acknowledged that is not in the one which takes its place', async () => {
    const { receipts } = ground.host();
    const inbox = openInbox(receipts, ground.queue, 1);
    await inbox.consuming();
    remove();
    await ground.send('one');
    await inbox.next();
    await eventually(
      async () => (await ground.fixture.channel.checkQueue(ground.queue)).messageCount === 0,
      'the acknowledgement',
    );
    expect(ground.stored()).toMatchObject([{ name: ground.queue, delivered: 1 }]);
  });

  it('each of two daemons keeps what it has in hand, and one of them alone sends the replies', async () => {
    const [first, second] = [ground.host(), ground.host()];
    const { name: replyTo, heard } = await ground.replyQueue();
    const inboxes = [openInbox(first.receipts, ground.queue, 1), openInbox(second.receipts, ground.queue, 1)];
    for (const inbox of inboxes) await inbox.consuming();
    await ground.send('one', 'two');
    await eventually(() => inboxes.every(({ deliveries }) => deliveries.length === 1), 'one job at each');
    const reopened = [first, second].map(({ local }) => once(local.events, 'connection:open'));
    remove();
    await Promise.all(reopened);
    const ends = inboxes.map(async ({ deliveries: [job] }, index) => {
      const { receipts } = index === 0 ? first : second;
      const reply = { exchange: '', routingKey: replyTo, body: Buffer.from('x'), properties: {} };
      return job && Promise.all([receipts.publish(reply, job), job.ack()]);
    });
    expect(await Promise.all(ends)).toStrictEqual([
      ['routed', 'settled'],
      ['routed', 'settled'],
    ]);
    await eventually(() => heard.length === 2, 'both replies');
    expect(await first.local.countConsumers('replies to send')).toBe(1);
  });
});
