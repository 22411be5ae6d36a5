import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Publication } from '../../src/broker/broker.ts';
import { REPLIES } from '../../src/receipt/local-queues.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';
import { type Ground, openGround } from './ground.ts';

let ground: Ground;
beforeEach(async () => {
  ground = await openGround(await amqpUrl());
}, 300_000);
afterEach(() => ground.close());

const STARTED = '{"status":"started"}';
function reply(to: string, text: string, messageId: string = randomUUID()): Publication {
  const properties = { messageId, appId: 'work', persistent: true };
  return { exchange: '', routingKey: to, body: Buffer.from(text), properties };
}
const completed = (data: unknown): string => JSON.stringify({ status: 'completed', data });
const storedReplies = (): number => {
  const found = ground.stored().find(({ name }) => name === REPLIES);
  return found === undefined ? 0 : found.messages + found.delivered;
};

describe('replies', () => {
  it('wait in the file while the broker is away, few of them in memory, and are sent in order by the next daemon', async () => {
    const { name, heard } = await ground.replyQueue();
    ground.proxy.refuse();
    const first = ground.host();
    const texts = Array.from({ length: 500 }, (_, number) => completed(number));
    await first.receipts.writable();
    await Promise.all(texts.map((text) => first.receipts.publish(reply(name, text))));
    expect(storedReplies()).toBe(500);
    await first.receipts.close(2000);
    ground.host();
    ground.proxy.resume();
    await eventually(() => heard.length === 500, 'all replies', 20_000);
    expect(heard).toStrictEqual(texts);
    await eventually(() => storedReplies() === 0, 'the file to be empty');
  });

  it('keep their order over outages; each comes at least once, and "started" at most once', async () => {
    const { name, heard } = await ground.replyQueue();
    const { receipts } = ground.host();
    const wanted: string[] = [];
    for (let number = 0; number < 60; number += 1) {
      // Each "started" is told by its order only.
      const text = number % 2 === 0 ? STARTED : completed(number);
      wanted.push(text);
      await receipts.publish(reply(name, text));
      if (number % 20 === 10) ground.proxy.cut();
    }
    await eventually(() => heard.at(-1) === wanted.at(-1), 'the last reply', 20_000);
    await eventually(() => storedReplies() === 0, 'the file to be empty');
    expect(heard.filter((text) => text === STARTED).length).toBeLessThanOrEqual(30);
    const finals = heard.filter((text) => text !== STARTED);
    expect([...new Set(finals)]).toStrictEqual(wanted.filter((text) => text !== STARTED));
  });

  it('are not all sent again by the next daemon when their confirms were lost: no second "started"', async () => {
    const { name, heard } = await ground.replyQueue();
    const first = ground.host();
    await first.receipts.publish(reply(name, completed('before')));
    await eventually(() => heard.length === 1 && storedReplies() === 0, 'the first reply');
    ground.proxy.halfOpen('down');
    await first.receipts.publish(reply(name, STARTED, 's'));
    await first.receipts.publish(reply(name, completed('after'), 'f'));
    await eventually(() => heard.length === 3, 'both to arrive');
    await first.receipts.abandon(500);
    ground.proxy.resume();
    ground.host();
    await eventually(() => heard.length === 4, 'the final reply again');
    await eventually(() => storedReplies() === 0, 'the file to be empty');
    expect(heard.slice(1)).toStrictEqual([STARTED, completed('after'), completed('after')]);
  });

  it('that could not be sent while the broker was away are all sent by the next daemon, "started" as well', async () => {
    const { name, heard } = await ground.replyQueue();
    const first = ground.host();
    await first.receipts.publish(reply(name, completed('before')));
    await eventually(() => heard.length === 1 && storedReplies() === 0, 'the first reply');
    const lost = once(first.receipts.events, 'connection:lost');
    ground.proxy.refuse();
    await lost;
    await first.receipts.publish(reply(name, STARTED));
    await first.receipts.publish(reply(name, completed('after')));
    await first.receipts.abandon(500);
    ground.proxy.resume();
    ground.host();
    await eventually(() => heard.length === 3, 'both to arrive');
    expect(heard.slice(1)).toStrictEqual([STARTED, completed('after')]);
  });

  it('to a queue that is gone are dropped, told once, and delay no other', async () => {
    const { name, heard } = await ground.replyQueue();
    const { receipts, said } = ground.host();
    for (let number = 0; number < 20; number += 1) {
      await receipts.publish(reply('gone', completed(number)));
      await receipts.publish(reply(name, completed(number)));
    }
    await eventually(() => heard.length === 20, 'the replies to the other queue');
    await eventually(() => storedReplies() === 0, 'the file to be empty');
    expect(said).toStrictEqual(['dropped: completed to gone']);
  });

  it('to a full queue wait for room, and delay no other', async () => {
    const { name, heard } = await ground.replyQueue();
    const full = `full.${randomUUID()}`;
    const { channel } = ground.fixture;
    const options = { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } };
    await channel.assertQueue(full, { ...options, autoDelete: true });
    const { receipts } = ground.host();
    for (let number = 0; number < 3; number += 1) await receipts.publish(reply(full, completed(number)));
    await receipts.publish(reply(name, completed('other')));
    await eventually(() => heard.length === 1, 'the reply to the other queue');
    const got: string[] = [];
    await eventually(
      async () => {
        const message = await channel.get(full, { noAck: true });
        if (message !== false) got.push(message.content.toString());
        return got.length === 3;
      },
      'the replies to the full queue',
      15_000,
    );
    expect(got).toStrictEqual([0, 1, 2].map(completed));
    await channel.deleteQueue(full);
  });

  it('of daemons on one file are sent by one of them, in order, and by the other when it has gone', async () => {
    const { name, heard } = await ground.replyQueue();
    const hosts = [ground.host(), ground.host()] as const;
    const wanted: string[] = [];
    const say = async (count: number): Promise<void> => {
      for (let number = 0; number < count; number += 1) {
        const text = completed(wanted.length);
        wanted.push(text);
        await hosts[number % 2 === 0 ? 0 : 1].receipts.publish(reply(name, text));
      }
    };
    await say(40);
    await eventually(() => heard.length === 40, 'the first replies');
    // Whichever has the turn.
    await hosts[0].receipts.close(2000);
    for (let number = 0; number < 20; number += 1) {
      const text = completed(wanted.length);
      wanted.push(text);
      await hosts[1].receipts.publish(reply(name, text));
    }
    await eventually(() => heard.length === 60, 'the other replies');
    expect(heard).toStrictEqual(wanted);
  });

  it('that are large are read a few at a time, in order', async () => {
    const { name, heard } = await ground.replyQueue();
    ground.proxy.refuse();
    const { receipts } = ground.host();
    const large = 'x'.repeat(128 * 1024);
    const texts = Array.from({ length: 100 }, (_, number) => `${number} ${large}`);
    await receipts.writable();
    await Promise.all(texts.map((text) => receipts.publish(reply(name, text))));
    ground.proxy.resume();
    let most = 0;
    await eventually(
      () => {
        most = Math.max(most, ground.stored().find((queue) => queue.name === REPLIES)?.delivered ?? 0);
        return heard.length === 100;
      },
      'all of them',
      30_000,
    );
    expect(heard.map((text) => text.split(' ')[0])).toStrictEqual(texts.map((text) => text.split(' ')[0]));
    expect(most).toBeLessThanOrEqual(32);
  });
});
