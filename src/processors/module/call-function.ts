import { endOfReturn, endOfThrow, type JobEnd } from './job-end.ts';

/** Calls a job's function, and tells how it ended; data may be nested `deepest` levels deep. Never rejects. */
export async function callFunction(call: () => unknown, deepest?: number): Promise<JobEnd> {
  try {
    return endOfReturn(await call(), deepest);
  } catch (thrown) {
    return endOfThrow(thrown, deepest);
  }
}
