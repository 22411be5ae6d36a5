import type { RunContext } from '../../job/runner.ts';

const SIGN_OF_LIFE_MS = 1_000;

/**
 * What a promise resolves with, or undefined when the run aborts first. The job has not been handed over, so it cannot
 * say anything: meanwhile it passes for alive.
 */
export async function waitFor<T>(
  promise: Promise<T>,
  context: Pick<RunContext, 'signal' | 'heard'>,
): Promise<T | undefined> {
  const { signal } = context;
  if (signal.aborted) return undefined;
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = (): void => aborted.resolve(undefined);
  signal.addEventListener('abort', onAbort);
  const signs = setInterval(() => context.heard(), SIGN_OF_LIFE_MS);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    clearInterval(signs);
    signal.removeEventListener('abort', onAbort);
    // From here on its silence is its own.
    context.heard();
  }
}
