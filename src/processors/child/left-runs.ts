import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonId, fateOf, ownDaemonId, parseDaemonId } from './daemon-id.ts';
import type { ProcessId } from './process-table.ts';
import { RUNNING } from './run-list.ts';

/** A run whose daemon has ended before it. */
export interface LeftRun {
  /** The value of RBIT_RUN in the environment of its processes. */
  readonly run: string;
  /** The child that leads its group and its session; undefined for what a thread has started. */
  readonly head: ProcessId | undefined;
}

/** What the daemons that had one state folder have left there of their runs. */
export interface LeftRuns {
  readonly runs: readonly LeftRun[];
  /** The daemons that live and have this folder, the one that asks among them. */
  readonly living: readonly ProcessId[];
  /** Removes the lists of runs, when nothing of these is left. */
  readonly forget: () => void;
}

const SLOT = /^([0-9a-f-]{36})(?: ([1-9]\d{0,9}) (\d{1,20}))? *$/;

/** Undefined where processes cannot be told apart. Throws the system's error when the folder or a list cannot be read. */
export function findLeftRuns(stateDir: string): LeftRuns | undefined {
  const own = ownDaemonId();
  if (own === undefined) return undefined;
  const runs: LeftRun[] = [];
  const living: ProcessId[] = [own];
  const over: string[] = [];
  for (const { daemon, path } of findLists(stateDir)) {
    const fate = fateOf(daemon, own);
    if (fate === 'lives') living.push(daemon);
    if (fate === 'ended') runs.push(...readList(path));
    if (fate === 'ended' || fate === 'gone') over.push(path);
  }
  return { runs, living, forget: () => over.forEach((path) => rmSync(path, { force: true })) };
}

function findLists(stateDir: string): Array<{ readonly daemon: DaemonId; readonly path: string }> {
  const names = unlessMissing(() => readdirSync(stateDir)) ?? [];
  return names.flatMap((name) => {
    const daemon = name.startsWith(RUNNING) ? parseDaemonId(name.slice(RUNNING.length)) : undefined;
    return daemon === undefined ? [] : [{ daemon, path: join(stateDir, name) }];
  });
}

function readList(path: string): LeftRun[] {
  const text = unlessMissing(() => readFileSync(path, 'latin1')) ?? '';
  return text.split('\n').flatMap((line) => {
    const [, run, pid, startTime] = SLOT.exec(line) ?? [];
    if (run === undefined) return [];
    return [{ run, head: pid && startTime ? { pid: Number(pid), startTime } : undefined }];
  });
}

/** The folder may not be made yet, and another daemon may just have ended the same runs. */
function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
