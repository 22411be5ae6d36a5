/** What became of many jobs so far, in as little memory as a million of them allow: 16 bytes each. */
export interface Tally {
  /** Notes that a job, counted from 0, is about to be sent. */
  sent(index: number): void;
  /** Notes its final reply; false when it had one before, or was never sent. */
  ended(index: number, kind: 'completed' | 'failed'): boolean;
  readonly completed: number;
  readonly failed: number;
  /** Milliseconds from sending to the final reply within which that share (0 to 1) of the jobs ended; undefined when none did. */
  percentileMs(share: number): number | undefined;
}

/** A tally for at most so many jobs. */
export function createTally(count: number): Tally {
  const sentAt = new Float64Array(count).fill(Number.NaN);
  const took = new Float64Array(count);
  let tookCount = 0;
  let failed = 0;

  return {
    sent(index) {
      sentAt[index] = performance.now();
    },
    ended(index, kind) {
      const since = sentAt[index] ?? Number.NaN;
      if (Number.isNaN(since)) return false;
      sentAt[index] = Number.NaN;
      took[tookCount] = performance.now() - since;
      tookCount += 1;
      if (kind === 'failed') failed += 1;
      return true;
    },
    get completed() {
      return tookCount - failed;
    },
    get failed() {
      return failed;
    },
    percentileMs(share) {
      const sorted = took.slice(0, tookCount).sort();
      return sorted[Math.max(0, Math.ceil(share * tookCount) - 1)];
    },
  };
}
