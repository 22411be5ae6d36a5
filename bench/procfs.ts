import { readdirSync, readFileSync } from 'node:fs';

/** A tick of the times in /proc: `getconf CLK_TCK`, which is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** Of one process, from /proc/PID/stat. */
interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own time, and that of the children that it has waited for. */
  readonly cpuMs: number;
}

/** Processor time of a process and everything below it, in milliseconds, user and system. */
export function treeCpuMs(root: number): number {
  return tree(root).reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** Resident memory of one process, in MiB; 0 when it has ended. */
export function residentMib(pid: number): number {
  return kibibytes(read(`/proc/${pid}/status`), 'VmRSS') / 1024;
}

/** Memory of everything below a process, in MiB: what several share counts in parts (PSS). */
export function childrenMib(root: number): number {
  const below = tree(root).filter(({ pid }) => pid !== root);
  return below.reduce((sum, { pid }) => sum + kibibytes(read(`/proc/${pid}/smaps_rollup`), 'Pss'), 0) / 1024;
}

function tree(root: number): Stat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

function readStat(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name, in brackets, may hold anything; state is the first field behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 15) return undefined;
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
}

function kibibytes(text: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
