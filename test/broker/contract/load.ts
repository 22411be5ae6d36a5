import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Drain, openDrain } from '../inbox.ts';
import { bodies, type Ground, publishAll, to } from './ground.ts';

const LIMIT_MS = 60_000;

/** Many messages: none is lost and none comes twice. */
export function describeLoad(on: Ground): void {
  describe('under load', () => {
    test('a thousand messages are each settled once', async () => {
      const seen: string[] = [];
      const settled: Promise<string>[] = [];
      const consumer = on.broker.consume(on.queue, {
        prefetch: 50,
        onDelivery(delivery) {
          seen.push(delivery.message.body.toString());
          settled.push(delivery.ack());
        },
      });
      await eventually(() => consumer.state === 'consuming', 'consuming');
      const sent = Array.from({ length: 1000 }, (_, index) => String(index));
      await Promise.all(sent.map((body) => on.broker.publish(to(on.queue, body))));
      await eventually(() => seen.length === 1000, 'a thousand deliveries', 20_000);
      expect(new Set(await Promise.all(settled))).toEqual(new Set(['settled']));
      expect(seen).toEqual(sent);
    });

    test(
      'ten thousand messages are each settled once, in order, and nothing is left of them',
      async () => {
        const sent = bodies(10_000);
        const drain = openDrain(on.broker, on.queue, 100);
        await eventually(() => drain.consumer.state === 'consuming', 'consuming');
        await publishAll(on.broker, on.queue, sent);
        await eventually(() => drain.bodies.length >= sent.length, 'ten thousand deliveries', LIMIT_MS);
        expect(await drain.settlements()).toEqual(new Set(['settled']));
        expect(drain.bodies).toEqual(sent);
        await on.broker.close(5000);
        await on.reopen();
        expect(await on.broker.count(on.queue)).toBe(0);
      },
      2 * LIMIT_MS,
    );

    test(
      'pausing and resuming all the time loses nothing and doubles nothing',
      async () => {
        const sent = bodies(1000);
        const rounds: Promise<void>[] = [];
        const drain = openDrain(on.broker, on.queue, 20, (count) => {
          if (count % 60 === 0) rounds.push(drain.consumer.pause().then(() => drain.consumer.resume()));
        });
        await eventually(() => drain.consumer.state === 'consuming', 'consuming');
        await publishAll(on.broker, on.queue, sent);
        await eventually(() => drain.bodies.length >= sent.length, 'all deliveries', LIMIT_MS);
        await Promise.all(rounds);
        expect(rounds.length).toBeGreaterThan(10);
        await nothingLeft(drain, sent);
      },
      2 * LIMIT_MS,
    );

    test(
      'a consumer that stops while deliveries come gets none after that, and the others get the rest',
      async () => {
        const sent = bodies(500);
        let stopping: Promise<void> | undefined;
        const hasty = openDrain(on.broker, on.queue, 50, (count) => {
          if (count === 120) stopping = hasty.consumer.stop();
        });
        await eventually(() => hasty.consumer.state === 'consuming', 'consuming');
        await publishAll(on.broker, on.queue, sent);
        await eventually(() => stopping !== undefined, 'the stop');
        await stopping;
        const seen = hasty.bodies.length;
        const other = openDrain(on.broker, on.queue, 50);
        await eventually(() => seen + other.bodies.length >= sent.length, 'the rest', LIMIT_MS);
        expect(hasty.bodies).toHaveLength(120);
        expect(await hasty.settlements()).toEqual(new Set(['settled']));
        await nothingLeft({ ...other, bodies: [...hasty.bodies, ...other.bodies] }, sent);
      },
      2 * LIMIT_MS,
    );

    async function nothingLeft(drain: Drain, sent: readonly string[]): Promise<void> {
      expect(await drain.settlements()).toEqual(new Set(['settled']));
      expect(drain.bodies.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent);
      await on.broker.close(5000);
      await on.reopen();
      expect(await on.broker.count(on.queue)).toBe(0);
    }
  });
}
