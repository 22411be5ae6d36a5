import { randomUUID } from 'node:crypto';
import { RunnerError } from '../../job/runner.ts';
import type { Limits } from '../options.ts';
import { Launcher } from './launcher.ts';
import { runBriefly } from './trial.ts';

/** Prints the places of the paths that pass every test. */
const SELECT = `tests=$1; shift; at=0
for path; do
  passed=yes
  for test in $tests; do [ "$test" "$path" ] || passed=no; done
  [ "$passed" = no ] || echo "$at"
  at=$((at + 1))
done`;

/**
 * Whoever the processes of a runner are, when that is not the daemon: what the daemon finds may be out of their reach.
 * Each question starts a shell in their name.
 */
export class Account {
  /** Such as `user nobody`. */
  readonly name: string;
  /** HOME, USER, LOGNAME and SHELL, where they differ from the daemon's. */
  readonly variables: Readonly<Record<string, string>>;
  readonly #launcher: Launcher;

  private constructor(name: string, launcher: Launcher) {
    this.name = name;
    this.variables = launcher.variables;
    this.#launcher = launcher;
  }

  /** Undefined: the daemon itself. Throws RunnerError when there is no such user, or the daemon cannot become it, or be as nice. */
  static async find({ user, group, nice }: Limits): Promise<Account | undefined> {
    const limits = {
      ...(user === undefined ? {} : { user }),
      ...(group === undefined ? {} : { group }),
      ...(nice === undefined ? {} : { nice }),
    };
    const launcher = await Launcher.open(limits);
    if (launcher.owner === undefined) return undefined;
    return new Account(user === undefined ? `group ${group}` : `user ${user}`, launcher);
  }

  /** Throws RunnerError for a working directory that cannot be entered. */
  async requireFolder(cwd: string): Promise<void> {
    const [found] = await this.#select(['-d', '-x'], [cwd]);
    if (found === undefined)
      throw new RunnerError(
        `cwd ${cwd} cannot be entered as ${this.name}`,
        'open it and those above it (chmod o+x), or change cwd',
      );
  }

  /** Throws RunnerError for the first file or folder that cannot be read. */
  async requireReadable(...paths: readonly string[]): Promise<void> {
    const problem = await this.findUnreadable(paths);
    if (problem !== undefined) throw problem;
  }

  /** The first file or folder that cannot be read, as an error to be told. */
  async findUnreadable(paths: readonly string[]): Promise<RunnerError | undefined> {
    const readable = await this.#select(['-r'], paths);
    const path = paths.find((one) => !readable.includes(one));
    return path === undefined
      ? undefined
      : new RunnerError(
          `${path} cannot be read as ${this.name}`,
          'open it (chmod o+r) and the folders above it (chmod o+x), or move it',
        );
  }

  /** The first of the files that can be executed. */
  async findProgram(paths: readonly string[]): Promise<string | undefined> {
    const [found] = await this.#select(['-f', '-x'], paths);
    return found;
  }

  async #select(tests: readonly string[], paths: readonly string[]): Promise<string[]> {
    const args = ['-c', SELECT, 'rbit-ts', tests.join(' '), ...paths];
    const result = await runBriefly(this.#launcher.prepare({ file: '/bin/sh', args, env: {} }, randomUUID()));
    if (typeof result === 'string')
      throw new RunnerError(`cannot look as ${this.name}: ${result}`, 'look whether su can');
    const places = new Set(result.stdout.split('\n'));
    return paths.filter((_, at) => places.has(String(at)));
  }
}
