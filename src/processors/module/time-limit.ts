import { formatDuration } from '../../job/duration.ts';

/** Waits for what a stranger's code does. Rejects with its error, or when it takes longer: `what` is not over. */
export function withinLimit<T>(work: PromiseLike<T> | T, limitMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`${what} takes longer than ${formatDuration(limitMs)}`)),
      limitMs,
    );
    Promise.resolve(work)
      .finally(() => clearTimeout(limit))
      .then(resolve, reject);
  });
}
