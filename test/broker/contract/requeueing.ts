import { describe, expect, test } from 'vitest';
import { randomBytes } from 'node:crypto';
import { openInbox } from '../inbox.ts';
import { everyProperty, type Ground, textOf } from './ground.ts';

/** What goes back comes again whole, in its time. */
export function describeRequeueing(on: Ground): void {
  describe('requeueing', () => {
    test.each([
      ['nothing', Buffer.alloc(0)],
      ['bytes that are no text', Buffer.from([0, 1, 254, 255, 13, 10])],
      ['a mebibyte', randomBytes(1024 * 1024)],
    ])('a requeued message keeps its body: %s', async (_what, body) => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send(body, everyProperty);
      expect(await (await inbox.next()).requeue({ delayMs: 0, headers: {} })).toBe('settled');
      const again = await inbox.next();
      expect(again.message.body.equals(body)).toBe(true);
      expect(again.message.properties).toEqual(everyProperty);
    });

    test('a requeued message goes to the tail, is not a redelivery, and carries the headers added to its own', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('first', { headers: { kept: 'yes', replaced: 1 } });
      await on.send('second');
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
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('later', everyProperty);
      const delivery = await inbox.next();
      const before = performance.now();
      expect(await delivery.requeue({ delayMs: 400, headers: { attempt: 2 } })).toBe('settled');
      await on.send('meanwhile');
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
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('again');
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        const delivery = await inbox.next();
        expect(await delivery.requeue({ delayMs: 50, headers: { attempt } })).toBe('settled');
      }
      expect((await inbox.next()).message.properties.headers['attempt']).toBe(4);
      expect(inbox.deliveries).toHaveLength(5);
    });

    test('delayed messages come in the order in which they are due, not in that of their requeue', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      const delays = [1600, 50, 800];
      for (const delayMs of delays) await on.send(String(delayMs));
      const deliveries = [await inbox.next(), await inbox.next(), await inbox.next()];
      await Promise.all(
        deliveries.map((delivery) => delivery.requeue({ delayMs: Number(textOf(delivery)), headers: {} })),
      );
      const again = [await inbox.next(), await inbox.next(), await inbox.next()];
      expect(again.map(textOf)).toEqual(['50', '800', '1600']);
    });

    test('a delay goes on when the broker that set it is closed', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('later', everyProperty);
      const delivery = await inbox.next();
      const before = performance.now();
      expect(await delivery.requeue({ delayMs: 600, headers: { attempt: 2 } })).toBe('settled');
      await on.broker.close(5000);
      const again = await openInbox(await on.reopen(), on.queue).next();
      expect(performance.now() - before).toBeGreaterThanOrEqual(600);
      expect(again.message.properties).toMatchObject({ ...everyProperty, headers: { attempt: 2 } });
      expect(again.redelivered).toBe(false);
    });

    test('a delayed message becomes due for whoever consumes then, or else waits on its queue', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('later');
      await (await inbox.next()).requeue({ delayMs: 200, headers: {} });
      await inbox.consumer.stop();
      const other = openInbox(await on.open(), on.queue);
      expect(textOf(await other.next())).toBe('later');
      expect(inbox.deliveries).toHaveLength(1);
    });
  });
}
