import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entry, Journal } from '../../src/journal/journal.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { NO_STORE } from '../../src/journal/record.ts';
import { createRecordBook } from '../../src/journal/record-book.ts';
import { openInbox } from '../broker/inbox.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';
import { type Ground, openGround } from './ground.ts';

let ground: Ground;
beforeEach(async () => {
  ground = await openGround(await amqpUrl());
}, 300_000);
afterEach(() => ground.close());

const waiting = async (): Promise<number> =>
  (await ground.fixture.channel.checkQueue(ground.queue)).messageCount;
const bodies = (deliveries: readonly { message: { body: Buffer } }[]): string[] =>
  deliveries.map(({ message }) => message.body.toString());

/** A journal that tells `then` when it has taken this step of its first message. */
function tellingJournal(step: 'ended' | 'settled', then: () => void): Journal {
  const journal = createMemoryJournal();
  let isTold = false;
  const tell = (): void => {
    if (!isTold) then();
    isTold = true;
  };
  return {
    ...journal,
    async begin(message) {
      const entry: Entry = await journal.begin(message);
      const ended = entry.ended.bind(entry);
      const settled = entry.settled.bind(entry);
      entry.ended = async (...args) => {
        const ending = await ended(...args);
        if (step === 'ended') tell();
        return ending;
      };
      entry.settled = async (removal) => {
        await settled(removal);
        if (step === 'settled') tell();
      };
      return entry;
    },
  };
}

describe('the intake', () => {
  it('stores a message as it is, and then it is off its queue', async () => {
    const heard = Promise.withResolvers<void>();
    const { receipts } = ground.host({ journal: tellingJournal('settled', heard.resolve) });
    const inbox = openInbox(receipts, ground.queue, 1);
    const headers = { text: 'a', nested: { list: [1, true, null] }, bytes: Buffer.from([0, 255]) };
    const properties = { correlationId: 'c', replyTo: 'r', type: 't', priority: 3, appId: 'a', headers };
    const sent = { ...properties, contentType: 'x/y', timestamp: 1_700_000_000, expiration: '600000' };
    ground.fixture.channel.sendToQueue(ground.queue, Buffer.from([0, 1, 255]), { ...sent, persistent: true });
    const delivery = await inbox.next();
    expect(delivery.message.body).toStrictEqual(Buffer.from([0, 1, 255]));
    expect(delivery).toMatchObject({ queue: ground.queue, redelivered: false, crashes: 0 });
    const { headers: got, ...rest } = delivery.message.properties;
    expect(rest).toStrictEqual({
      correlationId: 'c',
      replyTo: 'r',
      type: 't',
      priority: 3,
      appId: 'a',
      contentType: 'x/y',
      timestamp: 1_700_000_000_000,
      expiration: '600000',
      persistent: true,
    });
    expect(got).toStrictEqual({
      ...headers,
      'x-rbit-copy': expect.stringMatching(/^[\w-]{12}$/) as string,
    });
    await heard.promise;
    ground.proxy.cut();
    await eventually(() => ground.proxy.accepted === 4, 'two new connections');
    expect(await delivery.ack()).toBe('settled');
    expect(await waiting()).toBe(0);
    expect(bodies(inbox.deliveries)).toHaveLength(1);
  });

  it('stores no message before it is written down that it begins to', async () => {
    const written = Promise.withResolvers<void>();
    const isBegun = Promise.withResolvers<void>();
    const insert = (): Promise<void> => {
      isBegun.resolve();
      return written.promise;
    };
    const { receipts } = ground.host({ journal: createRecordBook({ ...NO_STORE, insert }) });
    const inbox = openInbox(receipts, ground.queue, 1);
    await ground.send('one');
    await isBegun.promise;
    await nextTurn();
    expect(ground.stored()).toStrictEqual([]);
    written.resolve();
    await (await inbox.next()).ack();
  });

  it.each([
    ['a message id', { messageId: 'm-1' }],
    ['a correlation id alone', { correlationId: 'c-1' }],
  ])('stores a message with %s once although its acknowledgement was lost', async (_which, properties) => {
    // The very next thing on the wire is the acknowledgement, and nothing of it arrives.
    const journal = tellingJournal('ended', () => ground.proxy.halfOpen('up'));
    const { receipts, said } = ground.host({ journal });
    const inbox = openInbox(receipts, ground.queue, 3);
    await inbox.consuming();
    ground.fixture.channel.sendToQueue(ground.queue, Buffer.from('one'), { ...properties, persistent: true });
    const first = await inbox.next();
    // It is silent for two heartbeats; then there is another connection, by which the message comes again.
    await eventually(() => said.length > 0, 'the second delivery', 20_000);
    expect(said[0]).toMatch(/^(joined|duplicate)/);
    await ground.send('two');
    await inbox.next();
    expect(bodies(inbox.deliveries)).toStrictEqual(['one', 'two']);
    expect(await first.ack()).toBe('settled');
    expect(await waiting()).toBe(0);
  });

  it('runs an equal message that comes after the first was answered, though its own delivery was lost', async () => {
    const { receipts } = ground.host();
    const inbox = openInbox(receipts, ground.queue, 1);
    await ground.send('step');
    await (await inbox.next()).ack();
    await eventually(() => ground.stored().length === 0, 'the end of the first');
    // Prefetched by somebody who has gone: it comes as redelivered.
    await inbox.consumer.pause();
    await ground.send('step');
    const thief = await ground.fixture.connection.createChannel();
    await eventually(async () => (await thief.get(ground.queue)) !== false, 'the prefetch');
    await thief.close();
    inbox.consumer.resume();
    const second = await inbox.next();
    expect(second.redelivered).toBe(true);
    await second.ack();
    expect(bodies(inbox.deliveries)).toStrictEqual(['step', 'step']);
  });

  it('says of a message that the broker handed out before that it may have been begun', async () => {
    const thief = await ground.fixture.connection.createChannel();
    await ground.send('one');
    await thief.get(ground.queue);
    await thief.close();
    const { receipts } = ground.host();
    const delivery = await openInbox(receipts, ground.queue, 1).next();
    expect(delivery.redelivered).toBe(true);
    expect(delivery.crashes).toBe(0);
    expect(Object.keys(delivery.message.properties.headers)).toStrictEqual(['x-rbit-copy']);
  });

  it('leaves no mark of its own on what goes on: the job, its reply and its dead letter', async () => {
    const { receipts } = ground.host();
    const inbox = openInbox(receipts, ground.queue, 1);
    const { channel } = ground.fixture;
    const { queue: replyTo } = await channel.assertQueue('', { exclusive: true });
    await ground.send('one');
    const first = await inbox.next();
    await first.requeue({ delayMs: 0, headers: { 'x-rbit-attempt': 2 } });
    const again = await inbox.next();
    const reply = { exchange: '', routingKey: replyTo, body: Buffer.from('{}'), properties: {} };
    await Promise.all([receipts.publish(reply, again), again.deadLetter({ headers: {} })]);
    await eventually(() => ground.stored().length === 0, 'both to go out');
    const headersOn = async (queue: string): Promise<object> => {
      const message = await channel.get(queue, { noAck: true });
      return (message !== false && message.properties.headers) || { none: 'came' };
    };
    const headers = [
      first.message.properties.headers,
      again.message.properties.headers,
      await headersOn(replyTo),
      await headersOn(ground.deadLetter),
    ];
    const ours = headers.flatMap((one) => Object.keys(one).filter((name) => name.startsWith('receipt')));
    expect(ours).toStrictEqual([]);
    expect(headers).not.toContainEqual({ none: 'came' });
  });

  it('takes no more than there is room for, and what is delayed takes no room', async () => {
    const { receipts } = ground.host();
    const inbox = openInbox(receipts, ground.queue, 2);
    await ground.send('a', 'b', 'c', 'd', 'e', 'f');
    const [a, b] = [await inbox.next(), await inbox.next()];
    await eventually(async () => (await waiting()) === 4, 'four to be left at the broker');
    expect((await ground.fixture.channel.checkQueue(ground.queue)).consumerCount).toBe(0);
    await a.ack();
    await inbox.next();
    await eventually(async () => (await waiting()) === 3, 'three to be left');
    await b.requeue({ delayMs: 60_000, headers: {} });
    await inbox.next();
    await eventually(async () => (await waiting()) === 2, 'two to be left');
    expect(bodies(inbox.deliveries)).toStrictEqual(['a', 'b', 'c', 'd']);
  });

  it('takes nothing while it is paused, and one at a time when it is resumed so', async () => {
    const { receipts } = ground.host();
    const inbox = openInbox(receipts, ground.queue, 3);
    await inbox.consuming();
    await inbox.consumer.pause();
    expect(inbox.consumer.state).toBe('paused');
    await ground.send('a', 'b', 'c');
    inbox.consumer.resume(1);
    const a = await inbox.next();
    await eventually(async () => (await waiting()) === 2, 'two to be left');
    await a.ack();
    await inbox.next();
    await eventually(async () => (await waiting()) === 1, 'one to be left');
    expect(bodies(inbox.deliveries)).toStrictEqual(['a', 'b']);
    await inbox.consumer.stop();
    expect(inbox.consumer.state).toBe('stopped');
  });
});
