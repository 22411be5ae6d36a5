/*
 * How long runs took, counted in buckets whose bounds grow by a third: from a millisecond to a day, within a few per cent
 * of the truth, and many histograms add up to one.
 */

const BUCKETS_PER_DECADE = 8;
/** Eight decades: from 1 ms to more than a day. */
export const DURATION_BUCKETS = 8 * BUCKETS_PER_DECADE + 1;

/** Which bucket a duration counts in; what took less than a millisecond is in the first. */
export function bucketOf(durationMs: number): number {
  if (!(durationMs >= 1)) return 0;
  const index = 1 + Math.floor(Math.log10(durationMs) * BUCKETS_PER_DECADE);
  return Math.min(index, DURATION_BUCKETS - 1);
}

/** The duration that `part` (0 to 1) of all were shorter than, in milliseconds; undefined where nothing was counted. */
export function quantileOf(counts: ArrayLike<number>, part: number): number | undefined {
  let total = 0;
  for (let index = 0; index < counts.length; index += 1) total += counts[index] ?? 0;
  if (total === 0) return undefined;
  let left = part * total;
  for (let index = 0; index < counts.length; index += 1) {
    const count = counts[index] ?? 0;
    if (count > 0 && left <= count) return within(index, left / count);
    left -= count;
  }
  return within(counts.length - 1, 1);
}

/** Spread evenly within the bucket, on its own scale. */
function within(index: number, part: number): number {
  return index === 0 ? part : 10 ** ((index - 1 + part) / BUCKETS_PER_DECADE);
}
