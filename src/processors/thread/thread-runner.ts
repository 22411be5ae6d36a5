import { availableParallelism } from 'node:os';
import type { Runner, RunnerError } from '../../job/runner.ts';
import { baseEnvironment } from '../child/environment.ts';
import { heapLimitMib } from '../module/heap-limit.ts';
import { explainLoading } from '../module/loading-errors.ts';
import { readModulePath } from '../module/module-path.ts';
import type { RunnerOptions } from '../options.ts';
import { createPooledRunner } from '../pooled-runner.ts';
import { ThreadPool } from './thread-pool.ts';

/**
 * `module!` with `isolation = thread`: jobs share warm threads.
 *
 * The processes that a job has started are ended when its thread ends: when the job ignores its abort or blocks the
 * thread, when the thread dies, when the runner stops. They are known by `RBIT_RUN` in their environment, so one that
 * is started with another environment is not. A thread that lives on keeps them: pass `context.signal` to children.
 */
export function createThreadRunner(options: RunnerOptions): Runner {
  const { name, spec, directory, settings, env, killGraceMs, runList, log, concurrency, limits } = options;
  const explain = (error: RunnerError): RunnerError => explainLoading(error, directory);
  return createPooledRunner(name, { explain }, async () => {
    const size = options.threads ?? Math.min(concurrency, availableParallelism());
    const heapMib = heapLimitMib(limits.memory, 'thread', log);
    return new ThreadPool(Math.max(1, size), {
      module: await readModulePath(spec, directory),
      settings,
      env: { ...baseEnvironment(), ...env },
      killGraceMs,
      runList,
      log,
      ...(heapMib === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMib } }),
    });
  });
}
