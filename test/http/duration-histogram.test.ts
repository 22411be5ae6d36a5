import { array, assert, double, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, DURATION_BUCKETS, quantileOf } from '../../src/http/duration-histogram.ts';

function countsOf(durations: readonly number[]): Uint32Array {
  const counts = new Uint32Array(DURATION_BUCKETS);
  for (const duration of durations) {
    const bucket = bucketOf(duration);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

describe('a quantile', () => {
  it('of nothing is none', () => {
    expect(quantileOf(countsOf([]), 0.5)).toBeUndefined();
  });

  it('is within a bucket of the true one, from a millisecond to a day', () => {
    const duration = double({ min: 1, max: 86_400_000, noNaN: true });
    assert(
      property(array(duration, { minLength: 1, maxLength: 50 }), (durations) => {
        const sorted = [...durations].sort((a, b) => a - b);
        for (const part of [0.5, 0.95]) {
          const exact = sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
          const found = quantileOf(countsOf(durations), part) ?? 0;
          expect(found / exact).toBeGreaterThan(0.74);
          expect(found / exact).toBeLessThan(1.34);
        }
      }),
    );
  });

  it('takes what is no duration, too short or too long for the nearest one', () => {
    expect([Number.NaN, -1, 0, 0.5].map(bucketOf)).toStrictEqual([0, 0, 0, 0]);
    expect([1e12, Infinity].map(bucketOf)).toStrictEqual([DURATION_BUCKETS - 1, DURATION_BUCKETS - 1]);
  });
});
