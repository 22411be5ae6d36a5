import { describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { type Inbox, openInbox } from '../inbox.ts';
import { type Ground, textOf, to } from './ground.ts';

/** The topic exchange: routing keys are words between dots; `*` is one word of a binding, `#` any number of them. */
export function describeTopics(on: Ground): void {
  describe('the topic exchange', () => {
    /** A queue bound to these keys, each below a word of this test alone. */
    async function bound(...keys: string[]): Promise<{ broker: Broker; inbox: Inbox }> {
      const queue = on.name('bound');
      const broker = await on.open({ [queue]: { bind: keys.map(own) } });
      const inbox = openInbox(broker, queue);
      await inbox.consuming();
      await broker.writable();
      return { broker, inbox };
    }

    const own = (key: string): string => `${on.name('word').replaceAll('.', '-')}.${key}`;

    function topic(key: string) {
      return { ...to(own(key), key), exchange: on.exchange };
    }

    test.each<[string, string[], string[]]>([
      ['job', ['job'], ['jobs', 'job.a', 'a.job', 'JOB']],
      ['job.*', ['job.a', 'job.ä'], ['job', 'job.a.b', 'x.job.a']],
      ['*.job', ['a.job'], ['job', 'a.b.job']],
      ['a.*.c', ['a.b.c'], ['a.c', 'a.b.b.c']],
      ['job.#', ['job', 'job.a', 'job.a.b.c'], ['jobs.a', 'x.job']],
      ['#.end', ['end', 'a.end', 'a.b.end'], ['end.a']],
      ['a.#.z', ['a.z', 'a.b.z', 'a.b.c.z'], ['a.b', 'b.z']],
      ['*.#', ['a', 'a.b.c'], []],
    ])('a queue bound to %s gets %j and not %j', async (pattern, taken, left) => {
      const { broker, inbox } = await bound(pattern);
      for (const key of left) expect([key, await broker.publish(topic(key))]).toEqual([key, 'unroutable']);
      for (const key of taken) expect([key, await broker.publish(topic(key))]).toEqual([key, 'routed']);
      await eventually(() => inbox.deliveries.length >= taken.length, 'what it is bound to');
      expect(inbox.deliveries.map(textOf)).toEqual(taken);
    });

    test('a queue that is bound by several keys that match gets one copy', async () => {
      const { broker, inbox } = await bound('a.*', '#', 'a.b');
      for (const key of ['a.b', 'last']) expect(await broker.publish(topic(key))).toBe('routed');
      expect([await inbox.next(), await inbox.next()].map(textOf)).toEqual(['a.b', 'last']);
    });

    test('each queue that is bound gets a copy of its own', async () => {
      const { broker, inbox } = await bound('a.*');
      const second = on.name('second');
      const other = await on.open({ [second]: { bind: [own('#')] } });
      const neighbour = openInbox(other, second);
      await neighbour.consuming();
      expect(await broker.publish(topic('a.b'))).toBe('routed');
      const copies = [await inbox.next(), await neighbour.next()];
      expect(copies.map(textOf)).toEqual(['a.b', 'a.b']);
      expect(await copies[0]?.ack()).toBe('settled');
      expect(await copies[1]?.deadLetter({ headers: {} })).toBe('settled');
    });

    test('what is published loosely goes there as well, and to nobody without harm', async () => {
      const { broker, inbox } = await bound('a.*');
      await eventually(() => broker.publishLoosely(topic('nobody.is.bound')), 'a loose publication');
      await eventually(() => broker.publishLoosely(topic('a.b')), 'another');
      expect(textOf(await inbox.next())).toBe('a.b');
      expect(inbox.deliveries).toHaveLength(1);
    });

    test('a queue goes on being reached by its own name alone', async () => {
      const { broker, inbox } = await bound('a.*');
      expect(await broker.publish(to(own('a.b')))).toBe('unroutable');
      expect(await broker.publish({ ...to(inbox.consumer.queue), exchange: on.exchange })).toBe('unroutable');
      expect(await broker.publish(to(inbox.consumer.queue, 'by name'))).toBe('routed');
      expect(textOf(await inbox.next())).toBe('by name');
    });
  });
}
