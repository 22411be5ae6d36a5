import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Delivery, Settlement } from '../../../src/broker/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { type Inbox, openInbox } from '../inbox.ts';
import { everyProperty, type Ground, textOf, to } from './ground.ts';

/** What is published arrives as it is, or its sender hears that it does not. */
export function describePublishing(on: Ground): void {
  describe('publishing', () => {
    test('what is published is delivered with body, properties and headers', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      const body = Buffer.concat([randomBytes(1000), Buffer.from([0, 255, 10, 13])]);
      await on.send(body, everyProperty);
      const { message, redelivered, queue: from } = await inbox.next();
      expect(message.body.equals(body)).toBe(true);
      expect(message.properties).toEqual(everyProperty);
      expect({ redelivered, from }).toEqual({ redelivered: false, from: on.queue });
    });

    test('a publication that reaches no queue says so', async () => {
      await on.broker.writable();
      expect(await on.broker.publish(to(`nobody.${randomUUID()}`, 'hello'))).toBe('unroutable');
    });

    test('of publications in flight together each hears its own fate', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      const nowhere = `nobody.${randomUUID()}`;
      const fates = await Promise.all([
        on.broker.publish(to(on.queue, 'a')),
        on.broker.publish(to(nowhere, 'a')),
        on.broker.publish(to(on.queue, 'b')),
        on.broker.publish(to(nowhere, 'b', { messageId: 'same' })),
        on.broker.publish(to(on.queue, 'b', { messageId: 'same' })),
        on.broker.publish(to(nowhere, 'a')),
      ]);
      expect(fates).toEqual(['routed', 'unroutable', 'routed', 'unroutable', 'routed', 'unroutable']);
    });

    test('waiting until a publication can be written ends with its signal', async () => {
      const idle = await on.makeBroker(new Map());
      on.adopt(idle);
      const abort = new AbortController();
      const waiting = idle.writable(abort.signal);
      abort.abort();
      await expect(waiting).rejects.toThrow();
    });

    test('what is published loosely arrives', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await eventually(() => on.broker.publishLoosely(to(on.queue, 'a line')), 'a loose publication');
      expect((await inbox.next()).message.body.toString()).toBe('a line');
    });

    describe('with a delivery that it settles', () => {
      async function work(): Promise<{ delivery: Delivery; replies: Inbox }> {
        const replies = openInbox(on.broker, on.name('replies'));
        const inbox = openInbox(on.broker, on.queue);
        await Promise.all([inbox.consuming(), replies.consuming()]);
        await on.send('work');
        return { delivery: await inbox.next(), replies };
      }

      test.each<[string, (delivery: Delivery) => Promise<Settlement>]>([
        ['acknowledged', (delivery) => delivery.ack()],
        ['requeued', (delivery) => delivery.requeue({ delayMs: 60_000, headers: {} })],
        ['dead-lettered', (delivery) => delivery.deadLetter({ headers: {} })],
      ])('arrives once, by the time that one is %s', async (_way, settle) => {
        const { delivery, replies } = await work();
        const reply = to(on.name('replies'), 'done', everyProperty);
        expect(await on.broker.publish(reply, delivery)).toBe('routed');
        expect(await settle(delivery)).toBe('settled');
        const { message, redelivered } = await replies.next();
        expect(message.body.toString()).toBe('done');
        expect(message.properties).toEqual(everyProperty);
        expect(redelivered).toBe(false);
        await on.broker.publish(to(on.name('replies'), 'the next'));
        expect(textOf(await replies.next())).toBe('the next');
        expect(replies.deliveries).toHaveLength(2);
      });

      test('says so when it reaches no queue, and that one can be settled', async () => {
        const { delivery } = await work();
        expect(await on.broker.publish(to(on.name('nobody')), delivery)).toBe('unroutable');
        expect(await delivery.ack()).toBe('settled');
        await on.broker.close(5000);
        await on.reopen();
        expect(await on.broker.count(on.queue)).toBe(0);
      });
    });
  });
}
