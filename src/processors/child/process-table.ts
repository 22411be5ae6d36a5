import { readdirSync, readFileSync } from 'node:fs';

/** One line of the system's process table. `startTime` tells a process from a later one with the same number. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
  /** Ended, but not yet collected by its parent: it can do nothing any more. */
  readonly isZombie: boolean;
}

/** Every process that can be seen, from /proc (proc_pid_stat(5)); empty on a system without it. */
export function readProcessTable(): ProcessEntry[] {
  const table: ProcessEntry[] = [];
  for (const name of readProc('.', (path) => readdirSync(path)) ?? []) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readProc(`${name}/stat`, (path) => readFileSync(path, 'latin1'));
    if (stat === undefined) continue;
    // The second field is the program's name, which may hold spaces and parentheses: the rest is after its last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', parent, group, session] = fields;
    table.push({
      pid: Number(name),
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      startTime: fields[19] ?? '',
      isZombie: state === 'Z' || state === 'X',
    });
  }
  return table;
}

/** Whether a process was started with this `NAME=value`. False as well when that is not for us to know. */
export function wasStartedWith(pid: number, variable: string): boolean {
  const environment = readProc(`${pid}/environ`, (path) => readFileSync(path)) ?? '';
  return environment.includes(`${variable}\0`);
}

function readProc<T>(path: string, read: (path: string) => T): T | undefined {
  try {
    return read(`/proc/${path}`);
  } catch {
    return undefined;
  }
}
