import type { Job } from '../job/job.ts';
import type { Outcome } from '../job/outcome.ts';
import { type RunContext, type Runner, RunnerError } from '../job/runner.ts';

/** What stays warm from job to job: threads, or processes. */
export interface Pool {
  /** Rejects with RunnerError when jobs can never be run. */
  start(): Promise<void>;
  /** Never rejects. */
  run(job: Job, context: RunContext): Promise<Outcome>;
  stop(): Promise<void>;
}

/**
 * A runner whose jobs are run by a pool. `make` reads the runner's line; it throws RunnerError when that can never work.
 * `explain` finds the fix for what the pool says when it cannot start.
 */
export function createPooledRunner(
  name: string,
  { explain = (error) => error }: { readonly explain?: (error: RunnerError) => RunnerError },
  make: () => Promise<Pool>,
): Runner {
  let pool: Pool | undefined;
  return {
    name,
    async start() {
      const made = await make();
      try {
        await made.start();
      } catch (error) {
        await made.stop();
        throw error instanceof RunnerError ? explain(error) : error;
      }
      pool = made;
    },
    async run(job, context) {
      return pool === undefined
        ? { kind: 'unavailable', reason: 'the runner has not been started' }
        : pool.run(job, context);
    },
    async stop() {
      await pool?.stop();
    },
  };
}
