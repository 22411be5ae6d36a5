const FIRST_DELAY_MS = 200;
const STEADY_AFTER_MS = 10_000;

/** The delays between tries: doubling up to `maxDelayMs`, with jitter so that many workers do not come at once. */
export interface Backoff {
  /** Milliseconds to wait before the next try. */
  nextMs(): number;
  /** It worked. The delays start small again once it has gone on working for ten seconds. */
  succeeded(): void;
}

export function createBackoff(maxDelayMs: number): Backoff {
  let failures = 0;
  let succeededAt: number | undefined;
  return {
    nextMs() {
      if (succeededAt !== undefined && performance.now() - succeededAt >= STEADY_AFTER_MS) failures = 0;
      succeededAt = undefined;
      const fullMs = Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(failures, 20));
      failures += 1;
      return Math.round(fullMs * (0.5 + Math.random() / 2));
    },
    succeeded() {
      succeededAt = performance.now();
    },
  };
}
