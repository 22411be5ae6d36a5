import { availableParallelism } from 'node:os';
import type { Job } from '../job/job.ts';
import type { Outcome } from '../job/outcome.ts';
import type { RunContext, Runner } from '../job/runner.ts';
import { baseEnvironment } from './child/environment.ts';
import { readModulePath } from './thread/module-path.ts';
import type { RunnerOptions } from './options.ts';
import { ThreadPool } from './thread/thread-pool.ts';

/** `module!PATH[:EXPORT]`: each job is a call of a JavaScript or TypeScript function, in warm threads. */
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
    const { spec, directory, settings, env, killGraceMs, log, concurrency, threads } = this.#options;
    const module = await readModulePath(spec, directory);
    const size = threads ?? Math.min(concurrency, availableParallelism());
    const pool = new ThreadPool(Math.max(1, size), {
      module,
      settings,
      env: { ...baseEnvironment(), ...env },
      killGraceMs,
      log,
    });
    await pool.start();
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
