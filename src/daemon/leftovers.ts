import type { Config } from '../config/config.ts';
import { endProcesses } from '../processors/child/end-processes.ts';
import { LeftProcesses } from '../processors/child/left-processes.ts';
import { findLeftRuns, type LeftRuns } from '../processors/child/left-runs.ts';
import { type ProcessEntry, readEnvironment } from '../processors/child/process-table.ts';
import { removeLeftFolders } from '../processors/child/stdio-folder.ts';
import { RunList } from '../processors/child/run-list.ts';
import type { Log } from './log.ts';

/** A grace is due to what a killed daemon left running, too; but the start has to come to an end. */
const LONGEST_GRACE_MS = 60_000;
const MOST_LINES = 50;
/** Of what a process says of itself, in characters. */
const LONGEST_FACT = 255;

/** The list of what this daemon runs, for the one that is started after it. */
export function openRunList({ rbit }: Config, log: Log): RunList {
  return new RunList(rbit.stateDir, (reason) =>
    log.warn(`what runs here cannot be listed, and would not be found if this daemon were killed: ${reason}`),
  );
}

/**
 * Ends what daemons with the same state folder were running when they were killed, and removes what they have left
 * among the temporary files. To be called before anything is
 * consumed: the broker hands out the messages of those runs again. Never rejects, and never takes longer than the
 * longest `kill-grace`, at most a minute, and some seconds.
 */
export async function endLeftovers({ rbit, runners }: Config, log: Log): Promise<void> {
  await removeLeftFolders();
  try {
    const left = findLeftRuns(rbit.stateDir);
    if (left === undefined) return;
    const graceMs = Math.max(0, ...[...runners.values()].map(({ killGraceMs }) => killGraceMs));
    if (await endRuns(left, Math.min(graceMs, LONGEST_GRACE_MS), log)) left.forget();
  } catch (error) {
    log.error(`cannot look for what a killed daemon left running: ${(error as Error).message}`);
  }
}

/** False when something of them is still there: the next start tries again. */
async function endRuns({ runs, living }: LeftRuns, graceMs: number, log: Log): Promise<boolean> {
  if (runs.length === 0) return true;
  const processes = new LeftProcesses(runs, living);
  logFound(await processes.findAll(), log);
  if (await endProcesses(processes, graceMs)) return true;
  const pids = processes.find().map(({ pid }) => pid);
  const named = pids.slice(0, MOST_LINES).join(', ');
  log.error({ pids }, `processes that a killed daemon left running could not be ended: ${named}`);
  return false;
}

function logFound(found: readonly ProcessEntry[], log: Log): void {
  for (const { pid, program } of found.slice(0, MOST_LINES)) {
    const environment = readEnvironment(pid);
    const [queue, runner, job] = ['RBIT_QUEUE', 'RBIT_RUNNER', 'RBIT_JOB_ID'].map((name) =>
      environment?.get(name)?.slice(0, LONGEST_FACT),
    );
    const whose = job === undefined ? '' : `, of job ${job} of ${queue ?? 'an unknown queue'}`;
    log.warn(
      { pid, program, queue, runner, job },
      `a killed daemon left process ${pid} running (${program}${whose}): it is ended`,
    );
  }
  const more = found.length - MOST_LINES;
  if (more > 0) log.warn(`a killed daemon left ${more} more processes running: they are ended`);
}
