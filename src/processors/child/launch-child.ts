import type { Held } from '../limits/held.ts';
import type { Launcher, Program } from '../limits/launcher.ts';
import { endWithDaemon } from './live-processes.ts';
import type { RunList } from './run-list.ts';
import type { Child, ChildCommand, NotStarted } from './start.ts';

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

/** Launches a program by `start`, as the run `run` (a UUID). Never rejects. */
export async function launchChild<C extends Pick<Child, 'pid'>>(
  { program, cwd, run }: { readonly program: Program; readonly cwd: string; readonly run: string },
  { launcher, runList }: { readonly launcher: Launcher; readonly runList?: RunList | undefined },
  start: (command: Omit<ChildCommand, 'input'>) => Promise<C | NotStarted>,
): Promise<LaunchedChild<C> | NotStarted> {
  const marker = `RBIT_RUN=${run}`;
  try {
    const launch = launcher.prepare({ ...program, env: { ...program.env, RBIT_RUN: run } }, run);
    runList?.add(run);
    const child = await start({ ...launch, cwd });
    if ('kind' in child) {
      runList?.remove(run);
      launch.release();
      return child;
    }
    runList?.setHead(run, child.pid);
    const forget = endWithDaemon({ group: child.pid, marker });
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
    const { code, message } = error as NodeJS.ErrnoException;
    return { kind: 'not-started', code, message };
  }
}
