import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonId, fateOf, formatDaemonId, ownDaemonId, parseDaemonId } from '../child/daemon-id.ts';
import type { Held } from './held.ts';

/** The cgroup of one run. */
export interface RunCgroup {
  readonly path: string;
  readonly held: Held;
  /** Removes it, and returns what was counted in its `memory.events`. */
  readonly remove: () => Readonly<Record<string, number>>;
}

const SECOND_TRY_MS = 1_000;
const PREFIX = 'rbit-ts.';
const RUN = /^rbit-ts\.(.+)\.([0-9a-z-]+)$/;

/** Makes the cgroups of the runs of one runner: folders in the folder of another cgroup. */
export class RunCgroups {
  readonly #base: string;
  readonly #settings: ReadonlyArray<readonly [file: string, value: string]>;
  readonly #own = ownDaemonId();
  /** Of runs that ended, but left somebody in there who lives on. */
  readonly #left = new Set<string>();

  /** What is written to which file of each; a name that ends in `?` need not be there. */
  constructor(base: string, settings: Readonly<Record<string, string>>) {
    this.#base = base;
    this.#settings = Object.entries(settings);
  }

  /** Removes what killed daemons have left, but for those in which somebody lives on. */
  removeLeft(): void {
    for (const name of readdirSync(this.#base)) {
      const daemon = parseDaemonId(RUN.exec(name)?.[1] ?? '');
      if (daemon !== undefined && this.#isOver(daemon)) this.#remove(join(this.#base, name));
    }
  }

  /** Throws the system's error. */
  make(run: string): RunCgroup {
    this.#removeOwnLeft();
    const daemon = this.#own === undefined ? process.pid : formatDaemonId(this.#own);
    const path = join(this.#base, `${PREFIX}${daemon}.${run}`);
    mkdirSync(path);
    try {
      for (const [file, value] of this.#settings) writeSetting(join(path, file), value);
    } catch (error) {
      this.#remove(path);
      throw error;
    }
    return { path, held: heldBy(path), remove: () => this.#end(path) };
  }

  #end(path: string): Readonly<Record<string, number>> {
    const events = readFileIfThere(join(path, 'memory.events'));
    this.#remove(path);
    // Most often the kernel has not quite finished with its last process.
    if (this.#left.has(path)) setTimeout(() => this.#removeOwnLeft(), SECOND_TRY_MS).unref();
    return Object.fromEntries(
      [...events.matchAll(/^(\w+) (\d+)$/gm)].map(([, name, count]) => [name, Number(count)]),
    );
  }

  #removeOwnLeft(): void {
    this.#left.forEach((path) => this.#remove(path));
  }

  #remove(path: string): void {
    try {
      rmdirSync(path);
      this.#left.delete(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#left.delete(path);
      else this.#left.add(path);
    }
  }

  #isOver(daemon: DaemonId): boolean {
    return this.#own !== undefined && ['ended', 'gone'].includes(fateOf(daemon, this.#own));
  }
}

function heldBy(path: string): Held {
  return {
    find: () =>
      readFileIfThere(join(path, 'cgroup.procs'))
        .split('\n')
        .filter((line) => line !== '')
        .map(Number),
    kill() {
      try {
        writeFileSync(join(path, 'cgroup.kill'), '1', { flag: 'r+' });
      } catch {
        // Not there before Linux 5.14: then they are ended one by one.
      }
    },
  };
}

function writeSetting(path: string, value: string): void {
  const isOptional = path.endsWith('?');
  try {
    // Only a file that is there: elsewhere than in a cgroup, none would be made.
    writeFileSync(isOptional ? path.slice(0, -1) : path, value, { flag: 'r+' });
  } catch (error) {
    if (!isOptional || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function readFileIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
