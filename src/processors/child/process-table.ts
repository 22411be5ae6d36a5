import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One process, told from every other one since the system was started: `startTime` is in clock ticks since then. */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: string;
}

/** One line of the system's process table. */
export interface ProcessEntry extends ProcessId {
  /** The first 15 bytes of its program's name, which it can change. */
  readonly program: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Ended, but not yet collected by its parent: it can do nothing any more. */
  readonly isZombie: boolean;
}

/** Every process that can be seen, from /proc (proc_pid_stat(5)); empty on a system without it. */
export function readProcessTable(): ProcessEntry[] {
  if (!hasOurNumbers()) return [];
  const table: ProcessEntry[] = [];
  for (const name of readProc('.', (path) => readdirSync(path)) ?? []) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readEntry(Number(name));
    if (entry !== undefined) table.push(entry);
  }
  return table;
}

/** One process, as the table has it. Undefined: there is none, or it is not for us to see. */
export function readProcess(pid: number): ProcessEntry | undefined {
  return hasOurNumbers() ? readEntry(pid) : undefined;
}

/** Whether a process was started with this `NAME=value`. Undefined as with `readEnvironment`. */
export function wasStartedWith(pid: number, variable: string): boolean | undefined {
  const environment = readProc(`${pid}/environ`, (path) => readFileSync(path)) ?? '';
  return environment.length === 0 ? undefined : environment.includes(`${variable}\0`);
}

/**
 * What a process was started with, the first value of each name. Undefined when that is not for us to know, or not now:
 * while it takes up another program, a process seems to have none.
 */
export function readEnvironment(pid: number): ReadonlyMap<string, string> | undefined {
  const text = readProc(`${pid}/environ`, (path) => readFileSync(path, 'utf8')) ?? '';
  if (text === '') return undefined;
  const variables = new Map<string, string>();
  for (const variable of text.split('\0')) {
    const equals = variable.indexOf('=');
    const name = variable.slice(0, equals);
    if (equals > 0 && !variables.has(name)) variables.set(name, variable.slice(equals + 1));
  }
  return variables;
}

/** Adds to `family` the children of its members, and theirs, but for those that `isOther` tells apart. */
export function addDescendants(
  table: readonly ProcessEntry[],
  family: Map<number, string>,
  isOther: (entry: ProcessEntry) => boolean = () => false,
): void {
  const alive = new Map(table.map(({ pid, startTime }) => [pid, startTime]));
  const isMember = (pid: number) => alive.has(pid) && family.get(pid) === alive.get(pid);
  for (let grown = true; grown; ) {
    grown = false;
    for (const entry of table) {
      if (isMember(entry.pid) || !isMember(entry.parent) || isOther(entry)) continue;
      family.set(entry.pid, entry.startTime);
      grown = true;
    }
  }
}

/** In a process namespace of our own, a /proc of another one would name the wrong processes. */
function hasOurNumbers(): boolean {
  return readProc('self', (path) => readlinkSync(path)) === String(process.pid);
}

function readEntry(pid: number): ProcessEntry | undefined {
  const stat = readProc(`${pid}/stat`, (path) => readFileSync(path, 'latin1'));
  if (stat === undefined) return undefined;
  // The second field is the program's name, which may hold spaces and parentheses: the rest is after its last one.
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  const [state = '', parent, group, session] = fields;
  return {
    pid,
    program: stat.slice(stat.indexOf('(') + 1, nameEnd),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTime: fields[19] ?? '',
    isZombie: state === 'Z' || state === 'X',
  };
}

function readProc<T>(path: string, read: (path: string) => T): T | undefined {
  try {
    return read(`/proc/${path}`);
  } catch {
    return undefined;
  }
}
