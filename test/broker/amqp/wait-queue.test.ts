import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { waitQueueFor } from '../../../src/broker/amqp/wait-queue.ts';

test.each([
  [1, 'q.wait.1ms', 1],
  [0.2, 'q.wait.1ms', 1],
  [400, 'q.wait.400ms', 400],
  [999, 'q.wait.1s', 1000],
  [1001, 'q.wait.1100ms', 1100],
  [10_000, 'q.wait.10s', 10_000],
  [30_000, 'q.wait.30s', 30_000],
  [59_500, 'q.wait.1m', 60_000],
  [90_000, 'q.wait.90s', 90_000],
  [125_000, 'q.wait.126s', 126_000],
  [900_000, 'q.wait.15m', 900_000],
  [3_600_000, 'q.wait.1h', 3_600_000],
  [86_400_000, 'q.wait.24h', 86_400_000],
])('a delay of %d ms waits in %s', (delayMs, name, waitMs) => {
  expect(waitQueueFor('q', delayMs, undefined)).toMatchObject({ name, delayMs: waitMs });
});

test('a delay is never cut short, is at most a tenth too long, and there are few different ones', () => {
  const names = new Set<string>();
  assert(
    property(integer({ min: 1, max: 23 * 24 * 3_600_000 }), (delayMs) => {
      const wait = waitQueueFor('q', delayMs, undefined);
      names.add(wait.name);
      expect(wait.delayMs).toBeGreaterThanOrEqual(delayMs);
      expect(wait.delayMs).toBeLessThanOrEqual(Math.ceil(delayMs * 1.1) + 1);
      expect(wait.queueArguments['x-message-ttl']).toBe(wait.delayMs);
      expect(Number(wait.queueArguments['x-expires'])).toBeGreaterThan(wait.delayMs + 3_500_000);
      expect(Number(wait.queueArguments['x-expires'])).toBeLessThan(2 ** 32);
      expect(waitQueueFor('q', wait.delayMs, undefined).name).toBe(wait.name);
      const quorum = waitQueueFor('q', delayMs, 'quorum');
      for (const { queueArguments, renewMs } of [wait, quorum]) {
        expect(Number(queueArguments['x-expires'])).toBeGreaterThanOrEqual(renewMs + wait.delayMs);
        expect(Number(queueArguments['x-expires'])).toBeLessThan(2 ** 32);
      }
    }),
    { numRuns: 2000 },
  );
  expect(names.size).toBeLessThan(450);
});

test('a delay that RabbitMQ cannot count is refused, not cut', () => {
  expect(() => waitQueueFor('q', 30 * 24 * 3_600_000, undefined)).toThrow(/24 days/);
});

test('a wait queue has the type of its queue; a quorum queue gives back at least once', () => {
  expect(waitQueueFor('q', 1000, 'classic').queueArguments).toEqual({
    'x-queue-type': 'classic',
    'x-message-ttl': 1000,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'q',
    'x-expires': 3_602_000,
  });
  expect(waitQueueFor('q', 1000, 'quorum')).toMatchObject({
    name: 'q.wait.1s.quorum',
    queueArguments: {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-strategy': 'at-least-once',
    },
  });
});
