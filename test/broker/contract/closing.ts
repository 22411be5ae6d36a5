import { describe, expect, test } from 'vitest';
import { openInbox } from '../inbox.ts';
import { type Ground, textOf, to } from './ground.ts';

/** How a broker ends, and what it leaves to the next. */
export function describeClosing(on: Ground): void {
  describe('closing', () => {
    test('what a closed broker left unsettled is handed out again and says so', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('work');
      const stale = await inbox.next();
      const other = openInbox(await on.open(), on.queue);
      await on.broker.close(5000);
      const again = await other.next();
      expect(again.message.body.toString()).toBe('work');
      expect(again.redelivered).toBe(true);
      expect(stale.isLost).toBe(true);
      expect(await stale.ack()).toBe('lost');
      expect(await stale.requeue({ delayMs: 0, headers: {} })).toBe('lost');
      expect(await again.ack()).toBe('settled');
    });

    test('closing lets the last acknowledgements and publications arrive', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await on.send('1');
      const delivery = await inbox.next();
      await on.send('2');
      const other = await inbox.next();
      const last = [
        on.broker.publish(to(on.queue, '3')),
        delivery.ack(),
        other.requeue({ delayMs: 0, headers: { again: true } }),
      ];
      await on.broker.close(5000);
      expect(await Promise.all(last)).toEqual(['routed', 'settled', 'settled']);
      const after = openInbox(await on.reopen(), on.queue);
      const rest = [await after.next(), await after.next()];
      expect(rest.map(textOf).toSorted()).toEqual(['2', '3']);
      await after.consumer.stop();
      expect(after.deliveries).toHaveLength(2);
    });

    test('a closed broker takes nothing, and closing it again does nothing', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await Promise.all([on.broker.close(5000), on.broker.close(5000)]);
      await on.broker.close(5000);
      expect(inbox.consumer.state).toBe('stopped');
      await expect(on.broker.publish(to(on.queue, 'x'))).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(on.broker.writable()).rejects.toThrow();
      expect(on.broker.publishLoosely(to(on.queue, 'x'))).toBe(false);
    });

    test('a broker that was never started can be closed', async () => {
      const idle = await on.makeBroker(new Map());
      openInbox(idle, on.queue);
      await expect(idle.publish(to(on.queue, 'x'))).rejects.toMatchObject({ kind: 'unavailable' });
      await idle.close(1000);
    });

    test('what a closed broker left unsettled goes back to its old place, before what came later', async () => {
      const inbox = openInbox(on.broker, on.queue, 3);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4', '5']) await on.send(body);
      const [, second] = [await inbox.next(), await inbox.next(), await inbox.next()];
      expect(await second.ack()).toBe('settled');
      await inbox.next();
      await on.broker.close(5000);
      const other = openInbox(await on.reopen(), on.queue);
      const again = [await other.next(), await other.next(), await other.next(), await other.next()];
      expect(again.map(textOf)).toEqual(['1', '3', '4', '5']);
      expect(again.map(({ redelivered }) => redelivered)).toEqual([true, true, true, false]);
    });
  });
}
