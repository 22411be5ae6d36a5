import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openInbox } from '../inbox.ts';
import { bodies, type Ground, publishAll, textOf, to } from './ground.ts';

/** Queues: made, counted, and gone when they were temporary. */
export function describeQueues(on: Ground): void {
  describe('preparing', () => {
    test('makes a queue that takes messages before anybody consumes it, for whoever comes', async () => {
      await on.broker.writable();
      expect(await on.broker.publish(to(on.queue))).toBe('unroutable');
      expect(await on.broker.prepare(on.queue)).toBe(true);
      await on.send('1');
      expect(await on.broker.prepare(on.queue)).toBe(true);
      await on.send('2');
      await on.broker.close(5000);
      const inbox = openInbox(await on.reopen(), on.queue);
      const waited = [await inbox.next(), await inbox.next()];
      expect(waited.map(textOf)).toEqual(['1', '2']);
      expect(waited.map(({ redelivered }) => redelivered)).toEqual([false, false]);
    });

    test('binds the queue as consuming it would', async () => {
      const [queue, key] = [on.name('bound'), on.name('key')];
      const broker = await on.open({ [queue]: { bind: [key] } });
      expect(await broker.prepare(queue)).toBe(true);
      await broker.writable();
      expect(await broker.publish({ ...to(key), exchange: on.exchange })).toBe('routed');
      expect(await broker.count(queue)).toBe(1);
    });

    test('a queue that is consumed disturbs nobody', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('1');
      const delivery = await inbox.next();
      expect(await on.broker.prepare(on.queue)).toBe(true);
      expect(await delivery.ack()).toBe('settled');
      await on.send('2');
      const next = await inbox.next();
      expect([textOf(next), next.redelivered]).toEqual(['2', false]);
    });
  });

  describe('counting', () => {
    test('tells of no queue, of an empty one, and of what waits', async () => {
      expect(await on.broker.count(on.name('nobody'))).toBeUndefined();
      await on.broker.prepare(on.queue);
      expect(await on.broker.count(on.queue)).toBe(0);
      await publishAll(on.broker, on.queue, ['1', '2', '3']);
      expect(await on.broker.count(on.queue)).toBe(3);
      expect(await (await on.open()).count(on.queue)).toBe(3);
    });

    test('leaves out what is delivered and what is delayed', async () => {
      const inbox = openInbox(on.broker, on.queue, 2);
      await inbox.consuming();
      await publishAll(on.broker, on.queue, ['1', '2', '3', '4', '5']);
      const [first, second] = [await inbox.next(), await inbox.next()];
      expect(await on.broker.count(on.queue)).toBe(3);
      await first.requeue({ delayMs: 60_000, headers: {} });
      await second.ack();
      await Promise.all([inbox.next(), inbox.next()]);
      expect(await on.broker.count(on.queue)).toBe(1);
    });

    test('and preparing end with their signal, and when the broker is closed', async () => {
      const idle = await on.makeBroker(new Map());
      on.adopt(idle);
      const reason = new Error('too long');
      for (const ask of [idle.prepare.bind(idle), idle.count.bind(idle)]) {
        await expect(ask(on.queue, AbortSignal.abort(reason))).rejects.toBe(reason);
      }
      await idle.close(1000);
      for (const ask of [idle.prepare.bind(idle), idle.count.bind(idle)]) {
        await expect(ask(on.queue)).rejects.toThrow();
      }
    });
  });

  describe('a temporary queue', () => {
    test('takes what is published to its name and to its bindings while it is consumed', async () => {
      const [queue, key] = [on.name('temporary'), on.name('key')];
      const broker = await on.open({ [queue]: { temporary: true, bind: [`${key}.*`] } });
      await broker.writable();
      expect(await broker.publish(to(queue))).toBe('unroutable');
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await on.broker.writable();
      expect(await on.broker.publish(to(queue, 'by name'))).toBe('routed');
      expect(await on.broker.publish({ ...to(`${key}.a`, 'by key'), exchange: on.exchange })).toBe('routed');
      expect([await inbox.next(), await inbox.next()].map(textOf)).toEqual(['by name', 'by key']);
    });

    test.each(['stopped', 'closed'] as const)('is gone when its consumer is %s', async (how) => {
      const [queue, key] = [on.name('temporary'), on.name('key')];
      const broker = await on.open({ [queue]: { temporary: true, bind: [key] } });
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await on.broker.writable();
      expect(await on.broker.publish(to(queue, 'unsettled'))).toBe('routed');
      await inbox.next();
      await (how === 'stopped' ? inbox.consumer.stop() : broker.close(5000));
      expect(await on.broker.publish(to(queue))).toBe('unroutable');
      expect(await on.broker.publish({ ...to(key), exchange: on.exchange })).toBe('unroutable');
      expect(await on.broker.count(queue)).toBeUndefined();
    });

    test('is not left behind by a consumer that stops before it has begun, however far it has come', async () => {
      const names = bodies(40).map((number) => on.name(`temporary.${number}`));
      const broker = await on.open(Object.fromEntries(names.map((name) => [name, { temporary: true }])));
      await broker.writable();
      for (const [turns, name] of names.entries()) {
        const { consumer } = openInbox(broker, name);
        for (let turn = 0; turn < turns; turn += 1) await nextTurn();
        await consumer.stop();
        expect([turns, await broker.count(name)]).toEqual([turns, undefined]);
      }
    });
  });
}
