import { explainNoStart } from './explain-no-start.ts';
import type { Held } from '../limits/held.ts';
import type { Launcher, Program } from '../limits/launcher.ts';
import { endWithDaemon } from './live-processes.ts';
import type { RunList } from './run-list.ts';
import { type ChildCommand, type Lost, type NotStarted, notStarted } from './start.ts';
import { stopTree } from './stop.ts';

/** A process within its limits, which the daemon takes along if it ends in a hurry, and the next one if it is killed. */
export interface LaunchedChild<C> {
  readonly child: C;
  /** `NAME=value` in the environment of all that it starts. */
  readonly marker: string;
  /** What keeps its processes together, if anything does. */
  readonly held: Held | undefined;
  /** To be called once, when it has ended. `isGone`: nothing of what it started is left either. */
  readonly release: (isGone: boolean) => { readonly isOverMemory: boolean };
}

/** How long what was lost while it was being started may take to end. */
const LOST_LIMIT_MS = 1_000;

/** Launches a program by `start`, as the run `run` (a UUID). Never rejects. */
export async function launchChild<
  C extends { readonly pid?: number | undefined },
  F extends NotStarted | Lost = NotStarted,
>(
  { program, cwd, run }: { readonly program: Program; readonly cwd: string; readonly run: string },
  { launcher, runList }: { readonly launcher: Launcher; readonly runList?: RunList | undefined },
  start: (program: Omit<ChildCommand, 'input'>) => Promise<C | F>,
): Promise<LaunchedChild<C> | F | NotStarted> {
  const marker = `RBIT_RUN=${run}`;
  try {
    const launch = launcher.prepare({ ...program, env: { ...program.env, RBIT_RUN: run } }, run);
    runList?.add(run);
    // Who starts it may do so before we hear of it.
    const forgetStart = endWithDaemon({ marker });
    const child = await start({ ...launch, cwd });
    if ('kind' in child) {
      if (child.kind === 'lost') await endMarked(marker, launch.held);
      forgetStart();
      runList?.remove(run);
      launch.release();
      return child.kind === 'lost' ? child : await explainNoStart(child, { file: launch.file, cwd });
    }
    const forget = child.pid === undefined ? forgetStart : endWithDaemon({ group: child.pid, marker });
    if (child.pid !== undefined) {
      runList?.setHead(run, child.pid);
      forgetStart();
    }
    return {
      child,
      marker,
      held: launch.held,
      release(isGone) {
        if (isGone) runList?.remove(run);
        forget();
        return launch.release();
      },
    };
  } catch (error) {
    return notStarted(error);
  }
}

function endMarked(marker: string, held: Held | undefined): Promise<boolean> {
  return stopTree({ marker, held, killGraceMs: LOST_LIMIT_MS, includesEscaped: () => true });
}
