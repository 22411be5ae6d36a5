import { RunnerError } from '../../job/runner.ts';
import type { Log } from '../options.ts';
import { describeThrown } from './job-end.ts';
import { loadFunction } from './load-function.ts';
import { explainLoading } from './loading-errors.ts';
import { readModulePath } from './module-path.ts';
import { PrintScope } from './print-scope.ts';
import { asDaemon, holdPrints, runAs } from './prints.ts';
import { withinLimit } from './time-limit.ts';

const LOAD_LIMIT_MS = 30_000;

/**
 * Loads the function that `PATH[:EXPORT]` names into the daemon, where it stays: a file that has changed is not loaded
 * again. Rejects with RunnerError.
 */
export async function loadInDaemon<F extends (...given: never[]) => unknown>(
  spec: string,
  directory: string,
  log: Log | undefined,
): Promise<F> {
  const path = await readModulePath(spec, directory);
  try {
    return await asRunner(log, () =>
      withinLimit(loadFunction<F>(path), LOAD_LIMIT_MS, `loading ${path.specifier}`),
    );
  } catch (error) {
    throw explainLoading(new RunnerError(describeThrown(error).message), directory);
  }
}

/** Runs a stranger's code that belongs to a runner and to none of its jobs: what it prints goes to the log. */
export async function asRunner<T>(log: Log | undefined, work: () => Promise<T>): Promise<T> {
  const tell = (lines: readonly string[]): void =>
    asDaemon(() => lines.forEach((line) => log?.('info', line)));
  const scope = new PrintScope(tell, tell);
  const giveBack = holdPrints();
  try {
    return await runAs(scope, work);
  } finally {
    scope.end();
    giveBack();
  }
}
