import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { everyProperty, type Ground, textOf } from './ground.ts';

/** A delivery is settled once, and its message is then where it was sent. */
export function describeSettling(on: Ground): void {
  describe('settling', () => {
    test('an acknowledged message never comes again', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('once');
      const delivery = await inbox.next();
      expect(await delivery.ack()).toBe('settled');
      await on.broker.close(5000);
      expect(delivery.isLost).toBe(false);
      const again = openInbox(await on.reopen(), on.queue);
      await again.consuming();
      await on.send('the next one');
      expect((await again.next()).message.body.toString()).toBe('the next one');
    });

    test('a delivery is settled once, however often it is asked for', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('x');
      const delivery = await inbox.next();
      const twice = await Promise.all([delivery.ack(), delivery.ack()]);
      expect(twice).toEqual(['settled', 'settled']);
      expect(await delivery.requeue({ delayMs: 0, headers: {} })).toBe('settled');
      await on.send('y');
      const next = await inbox.next();
      expect(next.message.body.toString()).toBe('y');
      expect(next.redelivered).toBe(false);
    });

    test('a dead-lettered message is in the dead-letter queue, with headers, and not in its own', async () => {
      const inbox = openInbox(on.broker, on.queue);
      const graves = openInbox(on.broker, on.dead);
      await Promise.all([inbox.consuming(), graves.consuming()]);
      await on.send('poison', everyProperty);
      expect(await (await inbox.next()).deadLetter({ headers: { reason: 'not JSON' } })).toBe('settled');
      const buried = await graves.next();
      expect(buried.message.body.toString()).toBe('poison');
      expect(buried.message.properties).toEqual({
        ...everyProperty,
        headers: { ...everyProperty.headers, reason: 'not JSON' },
      });
      expect(inbox.deliveries).toHaveLength(1);
    });

    test('a dead-letter queue that is missing is made', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('poison');
      expect(await (await inbox.next()).deadLetter({ headers: {} })).toBe('settled');
      const graves = openInbox(on.broker, on.dead);
      expect((await graves.next()).message.body.toString()).toBe('poison');
    });

    test('of ways to settle that are asked for together the first one is taken', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('x');
      await on.send('y');
      const delivery = await inbox.next();
      const both = [
        delivery.ack(),
        delivery.requeue({ delayMs: 0, headers: {} }),
        delivery.deadLetter({ headers: {} }),
      ];
      expect(await Promise.all(both)).toEqual(['settled', 'settled', 'settled']);
      const next = await inbox.next();
      expect(textOf(next)).toBe('y');
      expect(await next.ack()).toBe('settled');
      expect(await on.broker.count(on.queue)).toBe(0);
      expect((await on.broker.count(on.dead)) ?? 0).toBe(0);
    });

    test('a delivery is reachable as long as it can be settled, and not when its broker is closed', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('x');
      const delivery = await inbox.next();
      expect(await delivery.isReachable()).toBe(true);
      await on.broker.close(1000);
      expect(await delivery.isReachable()).toBe(false);
    });

    test('dead-lettering takes off the headers that are given as undefined', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('x', { headers: { kept: 1, taken: 2, replaced: 3 } });
      await (await inbox.next()).deadLetter({
        headers: { taken: undefined, replaced: 4, neverThere: undefined, added: null },
      });
      const { message } = await openInbox(on.broker, on.dead).next();
      expect(message.properties.headers).toStrictEqual({ kept: 1, replaced: 4, added: null });
    });

    test('what was never handed out is no redelivery, even after messages before it were', async () => {
      const inbox = openInbox(on.broker, on.queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await on.send(body);
      const [first, second] = [await inbox.next(), await inbox.next()];
      await first.ack();
      await second.requeue({ delayMs: 0, headers: {} });
      const rest = [await inbox.next(), await inbox.next()];
      await Promise.all(rest.map((delivery) => delivery.ack()));
      rest.push(await inbox.next());
      expect(rest.map(textOf)).toEqual(['3', '4', '2']);
      expect(rest.map(({ redelivered }) => redelivered)).toEqual([false, false, false]);
    });

    test('a message is taken off its queue by its settlement, not before', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('x');
      const delivery = await inbox.next();
      await inbox.consumer.stop();
      await on.broker.close(5000);
      expect(delivery.isLost).toBe(true);
      await on.reopen();
      await eventually(async () => (await on.broker.count(on.queue)) === 1, 'the message back on its queue');
    });
  });
}
