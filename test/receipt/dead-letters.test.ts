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

const dead = async (): Promise<number> =>
  (await ground.fixture.channel.checkQueue(ground.deadLetter)).messageCount;

describe('dead letters', () => {
  it('wait in the file while the broker is away, and are brought to it by the next daemon', async () => {
    const first = ground.host();
    const inbox = openInbox(first.receipts, ground.queue, 2);
    await ground.send('a', 'b');
    const deliveries = [await inbox.next(), await inbox.next()];
    ground.proxy.refuse();
    for (const delivery of deliveries)
      expect(await delivery.deadLetter({ headers: { 'x-rbit-reason': 'why' } })).toBe('settled');
    await first.receipts.close(2000);
    expect(ground.stored()).toHaveLength(1);
    ground.proxy.resume();
    ground.host();
    await eventually(() => ground.stored().length === 0, 'the file to be empty');
    expect(await dead()).toBe(2);
  });

  it('that the broker has no place for stay in the file, told once', async () => {
    const { receipts, said } = ground.host({ declare: 'passive' });
    const inbox = openInbox(receipts, ground.queue, 2);
    await ground.send('a', 'b');
    for (const delivery of [await inbox.next(), await inbox.next()])
      await delivery.deadLetter({ headers: { 'x-rbit-reason': 'why' } });
    await eventually(() => ground.stored()[0]?.delayed === 2, 'both to wait for another try');
    expect(said).toStrictEqual([`stuck: there is no dead-letter queue ${ground.deadLetter}`]);
  });
});
