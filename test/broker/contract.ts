import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, MessageProperties, Publication, QueueOptions } from '../../src/broker/broker.ts';
import { eventually } from '../support/eventually.ts';
import { openInbox } from './inbox.ts';

/** Makes a broker, not started, that shares its messages with all others that this function makes. */
export type MakeBroker = (queues: ReadonlyMap<string, QueueOptions>) => Broker | Promise<Broker>;

/** What each adapter of the broker port has to do: the specification of the port. */
export function describeBrokerContract(name: string, makeBroker: MakeBroker): void {
  describe(`${name}, as a broker`, () => {
    let queue: string;
    let dead: string;
    let broker: Broker;
    const opened: Broker[] = [];

    async function open(): Promise<Broker> {
      const made = await makeBroker(new Map([[queue, { bind: [], deadLetter: dead }]]));
      opened.push(made);
      made.start();
      return made;
    }

    async function send(body: string | Buffer, properties: Partial<MessageProperties> = {}): Promise<void> {
      await broker.writable(AbortSignal.timeout(10_000));
      expect(await broker.publish(to(queue, body, properties))).toBe('routed');
    }

    beforeEach(async () => {
      queue = `contract.${randomUUID()}`;
      dead = `${queue}.dead`;
      broker = await open();
    });

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close(5000)));
    });

    test('what is published is delivered with body, properties and headers', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      const body = Buffer.concat([randomBytes(1000), Buffer.from([0, 255, 10, 13])]);
      await send(body, everyProperty);
      const { message, redelivered, queue: from } = await inbox.next();
      expect(message.body.equals(body)).toBe(true);
      expect(message.properties).toEqual(everyProperty);
      expect({ redelivered, from }).toEqual({ redelivered: false, from: queue });
    });

    test('an acknowledged message never comes again', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await send('once');
      const delivery = await inbox.next();
      expect(await delivery.ack()).toBe('settled');
      await broker.close(5000);
      expect(delivery.isLost).toBe(false);
      const again = openInbox(await reopen(), queue);
      await again.consuming();
      await send('the next one');
      expect((await again.next()).message.body.toString()).toBe('the next one');
    });

    test('a delivery is settled once, however often it is asked for', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await send('x');
      const delivery = await inbox.next();
      const twice = await Promise.all([delivery.ack(), delivery.ack()]);
      expect(twice).toEqual(['settled', 'settled']);
      expect(await delivery.requeue({ delayMs: 0, headers: {} })).toBe('settled');
      await send('y');
      const next = await inbox.next();
      expect(next.message.body.toString()).toBe('y');
      expect(next.redelivered).toBe(false);
    });

    test('no more than the prefetch is unsettled at a time', async () => {
      const inbox = openInbox(broker, queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await send(body);
      await inbox.next();
      const second = await inbox.next();
      expect(inbox.deliveries).toHaveLength(2);
      await second.ack();
      expect((await inbox.next()).message.body.toString()).toBe('3');
      expect(inbox.deliveries).toHaveLength(3);
    });

    test('messages come in the order in which they were published', async () => {
      const inbox = openInbox(broker, queue, 100);
      await inbox.consuming();
      const sent = Array.from({ length: 100 }, (_, index) => String(index));
      await Promise.all(sent.map((body) => broker.publish(to(queue, body))));
      await eventually(() => inbox.deliveries.length === 100, 'all hundred');
      expect(inbox.deliveries.map(({ message }) => message.body.toString())).toEqual(sent);
    });

    test('what a closed broker left unsettled is handed out again and says so', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await send('work');
      const stale = await inbox.next();
      const other = openInbox(await open(), queue);
      await broker.close(5000);
      const again = await other.next();
      expect(again.message.body.toString()).toBe('work');
      expect(again.redelivered).toBe(true);
      expect(stale.isLost).toBe(true);
      expect(await stale.ack()).toBe('lost');
      expect(await stale.requeue({ delayMs: 0, headers: {} })).toBe('lost');
      expect(await again.ack()).toBe('settled');
    });

    test.each([
      ['nothing', Buffer.alloc(0)],
      ['bytes that are no text', Buffer.from([0, 1, 254, 255, 13, 10])],
      ['a mebibyte', randomBytes(1024 * 1024)],
    ])('a requeued message keeps its body: %s', async (_what, body) => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await send(body, everyProperty);
      expect(await (await inbox.next()).requeue({ delayMs: 0, headers: {} })).toBe('settled');
      const again = await inbox.next();
      expect(again.message.body.equals(body)).toBe(true);
      expect(again.message.properties).toEqual(everyProperty);
    });

    test('a requeued message goes to the tail, is not a redelivery, and carries the headers added to its own', async () => {
      const inbox = openInbox(broker, queue, 1);
      await inbox.consuming();
      await send('first', { headers: { kept: 'yes', replaced: 1 } });
      await send('second');
      expect(await (await inbox.next()).requeue({ delayMs: 0, headers: { replaced: 2, added: 'x' } })).toBe(
        'settled',
      );
      const second = await inbox.next();
      expect(second.message.body.toString()).toBe('second');
      await second.ack();
      const again = await inbox.next();
      expect(again.message.body.toString()).toBe('first');
      expect(again.message.properties.headers).toEqual({ kept: 'yes', replaced: 2, added: 'x' });
      expect(again.redelivered).toBe(false);
    });

    test('a delayed requeue comes back whole, no earlier than its delay, and others overtake it', async () => {
      const inbox = openInbox(broker, queue, 1);
      await inbox.consuming();
      await send('later', everyProperty);
      const delivery = await inbox.next();
      const before = performance.now();
      expect(await delivery.requeue({ delayMs: 400, headers: { attempt: 2 } })).toBe('settled');
      await send('meanwhile');
      const meanwhile = await inbox.next();
      expect(meanwhile.message.body.toString()).toBe('meanwhile');
      await meanwhile.ack();
      const again = await inbox.next();
      expect(performance.now() - before).toBeGreaterThanOrEqual(400);
      expect(again.message.body.toString()).toBe('later');
      const { headers, ...properties } = again.message.properties;
      const { headers: sent, ...rest } = everyProperty;
      expect(properties).toEqual(rest);
      expect(headers).toMatchObject({ ...sent, attempt: 2 });
    });

    test('a message may be requeued again and again', async () => {
      const inbox = openInbox(broker, queue, 1);
      await inbox.consuming();
      await send('again');
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        const delivery = await inbox.next();
        expect(await delivery.requeue({ delayMs: 50, headers: { attempt } })).toBe('settled');
      }
      expect((await inbox.next()).message.properties.headers['attempt']).toBe(4);
      expect(inbox.deliveries).toHaveLength(5);
    });

    test('a dead-lettered message is in the dead-letter queue, with headers, and not in its own', async () => {
      const inbox = openInbox(broker, queue);
      const graves = openInbox(broker, dead);
      await Promise.all([inbox.consuming(), graves.consuming()]);
      await send('poison', everyProperty);
      expect(await (await inbox.next()).deadLetter({ reason: 'not JSON' })).toBe('settled');
      const buried = await graves.next();
      expect(buried.message.body.toString()).toBe('poison');
      expect(buried.message.properties).toEqual({
        ...everyProperty,
        headers: { ...everyProperty.headers, reason: 'not JSON' },
      });
      expect(inbox.deliveries).toHaveLength(1);
    });

    test('a dead-letter queue that is missing is made', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await send('poison');
      expect(await (await inbox.next()).deadLetter({})).toBe('settled');
      const graves = openInbox(broker, dead);
      expect((await graves.next()).message.body.toString()).toBe('poison');
    });

    test('a publication that reaches no queue says so', async () => {
      await broker.writable();
      expect(await broker.publish(to(`nobody.${randomUUID()}`, 'hello'))).toBe('unroutable');
    });

    test('of publications in flight together each hears its own fate', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      const nowhere = `nobody.${randomUUID()}`;
      const fates = await Promise.all([
        broker.publish(to(queue, 'a')),
        broker.publish(to(nowhere, 'a')),
        broker.publish(to(queue, 'b')),
        broker.publish(to(nowhere, 'b', { messageId: 'same' })),
        broker.publish(to(queue, 'b', { messageId: 'same' })),
        broker.publish(to(nowhere, 'a')),
      ]);
      expect(fates).toEqual(['routed', 'unroutable', 'routed', 'unroutable', 'routed', 'unroutable']);
    });

    test('a paused consumer gets nothing new, can still settle, and goes on when resumed', async () => {
      const inbox = openInbox(broker, queue, 1);
      await inbox.consuming();
      await send('1');
      await send('2');
      const first = await inbox.next();
      await inbox.consumer.pause();
      expect(inbox.consumer.state).toBe('paused');
      expect(await first.ack()).toBe('settled');
      await send('3');
      expect(inbox.deliveries).toHaveLength(1);
      inbox.consumer.resume(2);
      const rest = [await inbox.next(), await inbox.next()];
      expect(rest.map(({ message }) => message.body.toString())).toEqual(['2', '3']);
      expect(await Promise.all(rest.map((delivery) => delivery.ack()))).toEqual(['settled', 'settled']);
    });

    test('the prefetch holds over a pause: what is still unsettled counts', async () => {
      const inbox = openInbox(broker, queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await send(body);
      const [first] = [await inbox.next(), await inbox.next()];
      await inbox.consumer.pause();
      inbox.consumer.resume();
      await inbox.consuming();
      await send('5');
      expect(inbox.deliveries).toHaveLength(2);
      await first.ack();
      expect((await inbox.next()).message.body.toString()).toBe('3');
      expect(inbox.deliveries).toHaveLength(3);
    });

    test('what was held back because of the prefetch, or came while pausing, goes back unseen', async () => {
      const inbox = openInbox(broker, queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await send(body);
      await inbox.next();
      await inbox.next();
      await inbox.consumer.pause();
      inbox.consumer.resume();
      await inbox.consuming();
      await inbox.consumer.stop();
      const other = openInbox(broker, queue);
      const rest = [await other.next(), await other.next()];
      expect(rest.map(({ message }) => message.body.toString())).toEqual(['3', '4']);
      expect(inbox.deliveries).toHaveLength(2);
    });

    test('pausing at a delivery gets no other one, however many are on their way', async () => {
      const seen: string[] = [];
      const hasty = broker.consume(queue, {
        prefetch: 50,
        onDelivery({ message }) {
          seen.push(message.body.toString());
          void hasty.pause();
        },
      });
      await eventually(() => hasty.state === 'consuming', 'consuming');
      const sent = Array.from({ length: 50 }, (_, index) => String(index));
      await Promise.all(sent.map((body) => broker.publish(to(queue, body))));
      const other = openInbox(broker, queue, 100);
      await eventually(() => other.deliveries.length === 49, 'all the others');
      expect(seen).toEqual(['0']);
    });

    test('a stopped consumer gets nothing new, can still settle, and stays stopped', async () => {
      const inbox = openInbox(broker, queue, 2);
      await inbox.consuming();
      await send('1');
      await send('2');
      const [first, second] = [await inbox.next(), await inbox.next()];
      await inbox.consumer.stop();
      expect(inbox.consumer.state).toBe('stopped');
      await send('3');
      expect(await first.ack()).toBe('settled');
      expect(await second.requeue({ delayMs: 0, headers: {} })).toBe('settled');
      inbox.consumer.resume();
      await inbox.consumer.pause();
      expect(inbox.consumer.state).toBe('stopped');
      const other = openInbox(broker, queue);
      expect((await other.next()).message.body.toString()).toBe('3');
      expect(inbox.deliveries).toHaveLength(2);
    });

    test('a consumer may stop or pause before it has begun', async () => {
      const stopped = openInbox(broker, queue);
      const paused = openInbox(broker, queue);
      await Promise.all([stopped.consumer.stop(), paused.consumer.pause()]);
      expect(stopped.consumer.state).toBe('stopped');
      expect(paused.consumer.state).toBe('paused');
      paused.consumer.resume();
      await paused.consuming();
    });

    test('closing lets the last acknowledgements and publications arrive', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await send('1');
      const delivery = await inbox.next();
      await send('2');
      const other = await inbox.next();
      const last = [
        broker.publish(to(queue, '3')),
        delivery.ack(),
        other.requeue({ delayMs: 0, headers: { again: true } }),
      ];
      await broker.close(5000);
      expect(await Promise.all(last)).toEqual(['routed', 'settled', 'settled']);
      const after = openInbox(await reopen(), queue);
      const rest = [await after.next(), await after.next()];
      expect(rest.map(({ message }) => message.body.toString())).toEqual(['3', '2']);
      await after.consumer.stop();
      expect(after.deliveries).toHaveLength(2);
    });

    test('a closed broker takes nothing, and closing it again does nothing', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await Promise.all([broker.close(5000), broker.close(5000)]);
      await broker.close(5000);
      expect(inbox.consumer.state).toBe('stopped');
      await expect(broker.publish(to(queue, 'x'))).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(broker.writable()).rejects.toThrow();
      expect(broker.publishLoosely(to(queue, 'x'))).toBe(false);
    });

    test('a broker that was never started can be closed', async () => {
      const idle = await makeBroker(new Map());
      openInbox(idle, queue);
      await expect(idle.publish(to(queue, 'x'))).rejects.toMatchObject({ kind: 'unavailable' });
      await idle.close(1000);
    });

    test('waiting until a publication can be written ends with its signal', async () => {
      const idle = await makeBroker(new Map());
      opened.push(idle);
      const abort = new AbortController();
      const waiting = idle.writable(abort.signal);
      abort.abort();
      await expect(waiting).rejects.toThrow();
    });

    test('what is published loosely arrives', async () => {
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await eventually(() => broker.publishLoosely(to(queue, 'a line')), 'a loose publication');
      expect((await inbox.next()).message.body.toString()).toBe('a line');
    });

    test('a consumer that throws keeps its consumer, and is heard of', async () => {
      const faults: unknown[] = [];
      broker.events.on('delivery:unhandled', ({ error }) => faults.push(error));
      const bodies: string[] = [];
      const consumer = broker.consume(queue, {
        prefetch: 2,
        onDelivery({ message }) {
          bodies.push(message.body.toString());
          if (bodies.length === 1) throw new Error('a bug');
        },
      });
      await eventually(() => consumer.state === 'consuming', 'consuming');
      await send('1');
      await send('2');
      await eventually(() => bodies.length === 2, 'the second message');
      expect(faults).toMatchObject([{ message: 'a bug' }]);
    });

    test('a thousand messages are each settled once', async () => {
      const seen: string[] = [];
      const settled: Promise<string>[] = [];
      const consumer = broker.consume(queue, {
        prefetch: 50,
        onDelivery(delivery) {
          seen.push(delivery.message.body.toString());
          settled.push(delivery.ack());
        },
      });
      await eventually(() => consumer.state === 'consuming', 'consuming');
      const sent = Array.from({ length: 1000 }, (_, index) => String(index));
      await Promise.all(sent.map((body) => broker.publish(to(queue, body))));
      await eventually(() => seen.length === 1000, 'a thousand deliveries', 20_000);
      expect(new Set(await Promise.all(settled))).toEqual(new Set(['settled']));
      expect(seen).toEqual(sent);
    });

    async function reopen(): Promise<Broker> {
      broker = await open();
      return broker;
    }
  });
}

function to(queue: string, body: string | Buffer, properties: Partial<MessageProperties> = {}): Publication {
  return { exchange: '', routingKey: queue, body: Buffer.from(body), properties };
}

const everyProperty: MessageProperties = {
  contentType: 'application/json',
  contentEncoding: 'identity',
  headers: { text: 'x', number: 7, big: 1234567890123, no: false, list: ['a', 1], table: { nested: 'y' } },
  persistent: true,
  priority: 3,
  correlationId: '54a5c3a1c8f7b9d2e4f6a8b0',
  replyTo: 'amq.gen-abc',
  messageId: 'm-1',
  timestamp: 1_420_000_000_000,
  type: 'job',
  appId: 'contract',
};
