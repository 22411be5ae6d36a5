import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { addDescendants, readProcessTable } from '../child/process-table.ts';

/*
 * A cgroup (cgroups(7), version 2) can limit the memory of the cgroups below it only when no process is in itself. So
 * a daemon that is alone in one moves to a leaf below it, beside those of its runs:
 *
 *   rbit-ts.service              has been given to the daemon: Delegate=memory
 *     rbit-ts.daemon             the daemon, and what it runs without a limit
 *     rbit-ts.DAEMON.RUN         one run: memory.max
 */

const LEAF = 'rbit-ts.daemon';
const CONTROLLER = 'memory';
const ASK_LIMIT_MS = 5_000;
/** Processes that are just being forked may slip behind. */
const MOST_MOVES = 5;

/** Where the daemon may make cgroups, if it may. */
export class CgroupPlace {
  readonly #path: string | undefined;

  /** `path`: the folder of the cgroup that the daemon is in. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  static find(): CgroupPlace {
    return new CgroupPlace(
      findOwnCgroup(read('/proc/self/mountinfo') ?? '', read('/proc/self/cgroup') ?? ''),
    );
  }

  /** The folder in which cgroups with a limit for their memory can be made, or why there is none. */
  async open(): Promise<{ readonly base: string } | { readonly problem: string }> {
    if (this.#path === undefined) return { problem: 'no cgroup of version 2 is to be seen' };
    const base = basename(this.#path) === LEAF ? dirname(this.#path) : this.#path;
    if (!hasWord(read(join(base, 'cgroup.controllers')), CONTROLLER))
      return { problem: `${base} has no memory controller` };
    if (!(await isDelegated(base))) {
      return { problem: `${basename(base)} is not the daemon's to divide: it needs Delegate=memory` };
    }
    try {
      enableController(base);
      return { base };
    } catch (error) {
      return { problem: (error as Error).message };
    }
  }
}

/** The folder of a process's cgroup of version 2, from its /proc/PID/mountinfo and /proc/PID/cgroup; undefined: not to be seen. */
export function findOwnCgroup(mountinfo: string, cgroup: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(cgroup)?.[1];
  // In a namespace of cgroups, one that is outside of it begins so.
  if (path === undefined || path.startsWith('/..')) return undefined;
  for (const line of mountinfo.split('\n')) {
    const [mount = '', system = ''] = line.split(' - ');
    const [, , , root, target] = mount.split(' ');
    if (!system.startsWith('cgroup2 ') || root === undefined || target === undefined) continue;
    const below = relative(root, path);
    if (!below.startsWith('..')) return join(target, below);
  }
  return undefined;
}

/** systemd must be asked: what root can write may be systemd's all the same, and then it undoes what others do there. */
async function isDelegated(base: string): Promise<boolean> {
  const parts = base.split('/');
  const at = parts.findLastIndex((part) => /\.(service|scope)$/.test(part));
  const unit = parts[at];
  if (unit === undefined) return true;
  const manager = parts.slice(0, at).some((part) => /^user@\d+\.service$/.test(part)) ? ['--user'] : [];
  const { execa } = await import('execa');
  const { stdout } = await execa(
    'systemctl',
    [...manager, 'show', '--property=Delegate', '--value', '--', unit],
    {
      stdin: 'ignore',
      reject: false,
      timeout: ASK_LIMIT_MS,
    },
  );
  // In a container nobody answers.
  return stdout?.trim() !== 'no';
}

/** Throws the system's error. */
function enableController(base: string): void {
  const control = join(base, 'cgroup.subtree_control');
  for (let moves = 0; !hasWord(read(control), CONTROLLER); moves++) {
    try {
      writeFileSync(control, `+${CONTROLLER}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || moves === MOST_MOVES) throw error;
      moveToLeaf(base);
    }
  }
}

/** Moves the daemon and what it has started. Throws when others are there, which are not its to move. */
function moveToLeaf(base: string): void {
  const table = readProcessTable();
  const own = new Map(
    table.filter(({ pid }) => pid === process.pid).map((entry) => [entry.pid, entry.startTime]),
  );
  addDescendants(table, own);
  const pids = (read(join(base, 'cgroup.procs')) ?? '').split('\n').filter((pid) => pid !== '');
  const alive = new Set(table.map(({ pid }) => pid));
  const other = pids.find((pid) => !own.has(Number(pid)) && alive.has(Number(pid)));
  if (other !== undefined) throw new Error(`${base} is shared with other processes, such as ${other}`);
  mkdirSync(join(base, LEAF), { recursive: true });
  for (const pid of pids) move(pid, join(base, LEAF));
}

function move(pid: string, cgroup: string): void {
  try {
    writeFileSync(join(cgroup, 'cgroup.procs'), pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function hasWord(text: string | undefined, word: string): boolean {
  return text?.split(/\s+/).includes(word) === true;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
