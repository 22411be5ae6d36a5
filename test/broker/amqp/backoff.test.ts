import { expect, test } from 'vitest';
import { createBackoff } from '../../../src/broker/amqp/backoff.ts';

test('delays double up to the longest one, each with up to half of it taken off', () => {
  const backoff = createBackoff(1000);
  for (const fullMs of [200, 400, 800, 1000, 1000]) {
    const delayMs = backoff.nextMs();
    expect(delayMs).toBeGreaterThanOrEqual(fullMs / 2);
    expect(delayMs).toBeLessThanOrEqual(fullMs);
  }
});

test('what works for a moment only does not make the delays small again', () => {
  const backoff = createBackoff(100_000);
  for (let failures = 0; failures < 5; failures += 1) backoff.nextMs();
  backoff.succeeded();
  expect(backoff.nextMs()).toBeGreaterThan(3000);
});
