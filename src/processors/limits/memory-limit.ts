import { CgroupPlace } from './cgroup-place.ts';
import type { Held } from './held.ts';
import { throughChain } from './launch.ts';
import { RunCgroups } from './run-cgroups.ts';
import { findProblem } from './trial.ts';

/** The limit of one run: what its program is started through, and what to do at its end. */
export interface Confined {
  readonly chain: readonly string[];
  readonly held?: Held;
  readonly release: () => { readonly isOverMemory: boolean };
}

/** How the memory of a runner's processes is limited here. */
export interface MemoryLimit {
  /** For the log, with `details` for those who want to know more. */
  readonly description: string;
  readonly details: Readonly<Record<string, string>>;
  /** Throws the system's error. */
  confine(run: string): Confined;
}

/**
 * Limits by a cgroup all that one run has in memory, where the daemon has cgroups of its own; otherwise by an rlimit what
 * each of its processes may have in addresses.
 */
export async function openMemoryLimit(bytes: number, place = CgroupPlace.find()): Promise<MemoryLimit> {
  const opened = await place.open();
  if ('problem' in opened) return addressLimit(bytes, opened.problem);
  const limit = cgroupLimit(bytes, opened.base);
  // That the daemon may divide its cgroup does not mean that a process may go to the parts.
  const problem = await findProblem((program, run) => {
    const { chain, ...confined } = limit.confine(run);
    return { ...throughChain(chain, program), ...confined };
  });
  return problem === undefined ? limit : addressLimit(bytes, problem);
}

function cgroupLimit(bytes: number, base: string): MemoryLimit {
  const cgroups = new RunCgroups(base, {
    'memory.max': String(bytes),
    // Not there when the kernel cannot swap, or is older than 4.19.
    'memory.swap.max?': '0',
    'memory.oom.group?': '1',
  });
  cgroups.removeLeft();
  return {
    description: 'memory is limited by a cgroup for each job',
    details: { cgroup: base },
    confine(run) {
      const { path, held, remove } = cgroups.make(run);
      return {
        chain: [
          '/bin/sh',
          '-c',
          'echo 0 >"$1" || exit 126; shift; exec "$@"',
          'rbit-ts',
          `${path}/cgroup.procs`,
        ],
        held,
        release: () => ({ isOverMemory: (remove()['oom_kill'] ?? 0) > 0 }),
      };
    },
  };
}

function addressLimit(bytes: number, problem: string): MemoryLimit {
  const kib = Math.max(1, Math.floor(bytes / 1024));
  const chain = ['/bin/sh', '-c', 'ulimit -v "$1" || exit 126; shift; exec "$@"', 'rbit-ts', String(kib)];
  return {
    description: 'memory is limited by ulimit -v for each process: there is no cgroup to do it for each job',
    details: { because: problem },
    confine: () => ({ chain, release: () => ({ isOverMemory: false }) }),
  };
}
