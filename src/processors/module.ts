import { availableParallelism } from 'node:os';
import type { Job } from '../job/job.ts';
import type { Outcome } from '../job/outcome.ts';
import { type RunContext, type Runner, RunnerError } from '../job/runner.ts';
import { baseEnvironment } from './child/environment.ts';
import { explainLoading } from './thread/loading-errors.ts';
import { readModulePath } from './thread/module-path.ts';
import type { RunnerOptions } from './options.ts';
import { ThreadPool } from './thread/thread-pool.ts';

/**
 * `module!PATH[:EXPORT]`: each job is a call of a JavaScript or TypeScript function, in warm threads.
 *
 * The processes that a job has started are ended when its thread ends: when the job ignores its abort or blocks the
 * thread, when the thread dies, when the runner stops. They are known by `RBIT_RUN` in their environment, so one that
 * is started with another environment is not. A thread that lives on keeps them: pass `context.signal` to children.
 */
export function createModuleRunner(options: RunnerOptions): Runner {
  return new ModuleRunner(options);
}

class ModuleRunner implements Runner {
  readonly name: string;
  readonly #options: RunnerOptions;
  #pool: ThreadPool | undefined;

  constructor(options: RunnerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { spec, directory, settings, env, killGraceMs, runList, log, concurrency, threads } = this.#options;
    const module = await readModulePath(spec, directory);
    const size = threads ?? Math.min(concurrency, availableParallelism());
    const pool = new ThreadPool(Math.max(1, size), {
      module,
      settings,
      env: { ...baseEnvironment(), ...env },
      killGraceMs,
      runList,
      log,
    });
    try {
      await pool.start();
    } catch (error) {
      throw error instanceof RunnerError ? explainLoading(error, directory) : error;
    }
    this.#pool = pool;
  }

  async run(job: Job, context: RunContext): Promise<Outcome> {
    if (this.#pool === undefined) return { kind: 'unavailable', reason: 'the runner has not been started' };
    return this.#pool.run(job, context);
  }

  async stop(): Promise<void> {
    await this.#pool?.stop();
  }
}
