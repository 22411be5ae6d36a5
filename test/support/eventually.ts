import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 15;

/**
 * Waits for a fact: resolves with what `check` returns as soon as that is truthy. A check that throws has
 * simply not come true yet; its last error is the cause when the limit passes. `what` names the fact.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  what: string,
  limitMs = 10_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + limitMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await withinLimit(check(), deadline);
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) break;
    await delay(POLL_MS);
  }
  throw new Error(`${what} did not happen within ${limitMs} ms`, { cause: lastError });
}

async function withinLimit<T>(value: T | Promise<T>, deadline: number): Promise<T> {
  if (!(value instanceof Promise)) return value;
  const cancel = new AbortController();
  const timeout = delay(Math.max(0, deadline - performance.now()), undefined, { signal: cancel.signal });
  try {
    return await Promise.race([
      value,
      timeout.then(() => {
        throw new Error('the check itself did not answer');
      }),
    ]);
  } finally {
    cancel.abort();
    timeout.catch(() => {});
  }
}
