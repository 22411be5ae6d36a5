import { afterAll } from 'vitest';
import type { Runner } from '../../src/job/runner.ts';
import { makeUnwatchedRunner, type RunnerChanges } from './make-runner.ts';

export {
  FIXTURES,
  isAlive,
  type LogLine,
  makeContext,
  makeJob,
  type RunnerChanges,
  type Watched,
} from './make-runner.ts';

/** Makes a runner that is stopped after the last test of its file, if none has stopped it. */
export function makeRunner(line: string, changes: RunnerChanges = {}): Runner {
  const runner = makeUnwatchedRunner(line, changes);
  made.push(runner);
  return runner;
}

// A test that fails half-way, or looks at something else, leaves its runner running.
const made: Runner[] = [];
afterAll(async () => {
  await Promise.all(made.map((runner) => runner.stop()));
});
