/** How long the broker may take for one request before the request counts as failed. */
export const REQUEST_LIMIT_MS = 30_000;

/** The promise's own end, or a rejection after `limitMs`; the promise itself is not stopped. */
export async function withinLimit<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => limit.reject(new Error(`${what} took longer than ${limitMs} ms`)),
    Math.max(0, limitMs),
  );
  try {
    return await Promise.race([promise, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a request whose failure says nothing new, because what it wants to end is ending anyway. */
export async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  await withinLimit(promise, limitMs, 'ending').catch(() => {});
}
