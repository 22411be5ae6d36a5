import { getPriority } from 'node:os';
import { RunnerError } from '../../job/runner.ts';
import type { Limits, Log } from '../options.ts';
import { findIdentity, type Identity, type Owner } from './identity.ts';
import { type Launch, type Program, throughChain } from './launch.ts';
import { type MemoryLimit, openMemoryLimit } from './memory-limit.ts';
import { requireTool } from './tool.ts';
import { findProblem } from './trial.ts';

export type { Launch, Program } from './launch.ts';
export type { Owner } from './identity.ts';

/**
 * Starts the programs of one runner within its limits, through a chain of small programs each of which becomes the next:
 *
 *   sh         enters the cgroup, or sets the rlimit    memory
 *   nice       changes the priority                     nice
 *   setpriv    becomes the user, for good               user, group
 *
 * The first two while that is still allowed. What needs no limit starts without any of them.
 */
export class Launcher {
  readonly #chain: readonly string[];
  readonly #identity: Identity | undefined;
  readonly #memory: MemoryLimit | undefined;
  private constructor(
    chain: readonly string[],
    identity: Identity | undefined,
    memory: MemoryLimit | undefined,
  ) {
    this.#chain = chain;
    this.#identity = identity;
    this.#memory = memory;
  }

  /** Throws RunnerError when a limit cannot be kept here; says by `log` how the memory is limited. */
  static async open(limits: Limits, log?: Log): Promise<Launcher> {
    const [priority, identity] = await RunnerError.all([niceChain(limits.nice), findIdentity(limits)]);
    const memory = limits.memory === undefined ? undefined : await openMemoryLimit(limits.memory);
    const chain = [...priority, ...identityChain(identity)];
    const launcher = new Launcher(chain, identity, memory);
    await launcher.#try(limits);
    if (memory !== undefined) log?.('info', memory.description, { memory: limits.memory, ...memory.details });
    return launcher;
  }

  /** Undefined: they are who the daemon is. */
  get owner(): Owner | undefined {
    return this.#identity?.owner;
  }

  /** HOME and the like, where they differ from the daemon's. */
  get variables(): Readonly<Record<string, string>> {
    return this.#identity?.variables ?? {};
  }

  /** `run` is unique, and fit for a file's name. Throws the system's error when there is no room for the limits. */
  prepare(program: Program, run: string): Launch {
    const confined = this.#memory?.confine(run);
    const chain = [...(confined?.chain ?? []), ...this.#chain];
    return {
      ...throughChain(chain, program),
      held: confined?.held,
      release: confined?.release ?? (() => ({ isOverMemory: false })),
    };
  }

  /** What cannot be kept is said now, and not by every job. */
  async #try(limits: Limits): Promise<void> {
    if (this.#chain.length === 0 && this.#memory === undefined) return;
    const problem = await findProblem((program, run) => this.prepare(program, run));
    if (problem === undefined) return;
    const keys = Object.entries(limits).map(([name, value]) => `${name} = ${value}`);
    throw new RunnerError(
      `${keys.join(', ')}: not even true(1) runs so: ${problem}`,
      'change that, or give the daemon the rights and the room that it takes',
    );
  }
}

/** `nice` is where the jobs are to be; nice(1) counts from where the daemon is. */
async function niceChain(nice: number | undefined): Promise<string[]> {
  const step = nice === undefined ? 0 : nice - getPriority();
  if (step === 0) return [];
  if (step < 0 && process.geteuid?.() !== 0) {
    throw new RunnerError(
      `nice = ${nice} is ahead of the daemon itself (${getPriority()}), which needs root`,
      'start the daemon as root, or raise nice',
    );
  }
  return [requireTool('nice'), '-n', String(step)];
}

function identityChain(identity: Identity | undefined): string[] {
  if (identity === undefined) return [];
  const { owner, groups } = identity;
  return [
    requireTool('setpriv', 'util-linux'),
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
    '--',
  ];
}
