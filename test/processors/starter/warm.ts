import type { Outcome } from '../../../src/job/outcome.ts';
import type { Runner } from '../../../src/job/runner.ts';
import { readProcessTable } from '../../../src/processors/child/process-table.ts';
import { eventually } from '../../support/eventually.ts';
import { makeContext, makeJob, makeRunner, type RunnerChanges, type Watched } from '../harness.ts';

/** Runs its body as a script. */
const LINE = 'shell!exec sh';

/** Ends a script that would do to the daemon what it does to its parent. */
export const UNDER_STARTER = 'grep -q "rbit-ts starter" /proc/$PPID/comm || exit 99;';

export interface Said {
  readonly outcome: Outcome;
  readonly lines: readonly string[];
}

export async function run(
  runner: Runner,
  script: string,
  context: Watched = makeContext(script),
): Promise<Said> {
  const outcome = await runner.run(makeJob(), context);
  return { outcome, lines: context.lines };
}

/** A runner of scripts that has a starter already. */
export async function startWarm(changes: RunnerChanges = {}): Promise<Runner> {
  const runner = makeRunner(LINE, changes);
  await runner.start();
  await warmUp(runner);
  return runner;
}

/** Runs jobs until one is started by a starter. */
export async function warmUp(runner: Runner): Promise<void> {
  await eventually(
    async () => (await run(runner, 'echo $PPID')).lines[0] !== String(process.pid),
    'a job that was started by a starter',
  );
}

/** A runner of scripts that the daemon starts. */
export async function startCold(): Promise<Runner> {
  const runner = makeRunner(LINE, { warmStart: false });
  await runner.start();
  return runner;
}

/** The starters of this process that are alive. */
export function starters(parent = process.pid): number[] {
  return readProcessTable()
    .filter((entry) => entry.parent === parent && entry.program === 'rbit-ts starter' && !entry.isZombie)
    .map(({ pid }) => pid);
}
