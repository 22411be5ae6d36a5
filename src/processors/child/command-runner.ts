import { resolve } from 'node:path';
import type { Job } from '../../job/job.ts';
import type { Failure, Outcome } from '../../job/outcome.ts';
import type { RunContext, Runner } from '../../job/runner.ts';
import { Account } from '../limits/account.ts';
import { Launcher } from '../limits/launcher.ts';
import type { RunnerOptions } from '../options.ts';
import { StarterPool } from '../starter/starter-pool.ts';
import { requireFolder } from './command-check.ts';
import { baseEnvironment, jobEnvironment, settingsEnvironment } from './environment.ts';
import { runChild } from './run.ts';
import { StdioFolder } from './stdio-folder.ts';

/** The program of one job, and what it finds in its environment besides what every job does. */
export interface JobCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/** The command of a job, or why there can be none for it; `input` is the body of its message. */
export type CommandOf = (job: Job, input: Uint8Array) => JobCommand | Failure;

/** Where and in which surroundings the jobs of a runner run. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Undefined: they are the daemon's. */
  readonly account: Account | undefined;
}

/**
 * A runner whose jobs are processes of their own, each of which ends with an exit code. `compile` reads the runner's
 * line, once; it throws RunnerError when that can never work.
 */
export function createCommandRunner(
  options: RunnerOptions,
  compile: (surroundings: Surroundings) => Promise<CommandOf>,
): Runner {
  return new CommandRunner(options, compile);
}

interface Ready {
  readonly commandOf: CommandOf;
  readonly launcher: Launcher;
  readonly surroundings: Surroundings;
}

async function surroundingsOf({
  limits,
  directory,
  cwd = '.',
  env,
  settings,
}: RunnerOptions): Promise<Surroundings> {
  const account = await Account.find(limits);
  const folder = resolve(directory, cwd);
  await requireFolder(folder, account);
  return {
    cwd: folder,
    env: { ...baseEnvironment(), ...account?.variables, ...env, ...settingsEnvironment(settings) },
    account,
  };
}

class CommandRunner implements Runner {
  readonly name: string;
  readonly #options: RunnerOptions;
  readonly #compile: (surroundings: Surroundings) => Promise<CommandOf>;
  readonly #folder = new StdioFolder();
  readonly #starters: StarterPool;
  #ready: Ready | undefined;

  constructor(options: RunnerOptions, compile: (surroundings: Surroundings) => Promise<CommandOf>) {
    this.name = options.name;
    this.#options = options;
    this.#compile = compile;
    this.#starters = new StarterPool(options);
  }

  async start(): Promise<void> {
    const { limits, log, warmStart } = this.#options;
    const surroundings = await surroundingsOf(this.#options);
    const commandOf = await this.#compile(surroundings);
    const launcher = await Launcher.open(limits, log);
    await this.#folder.open(launcher.owner);
    if (warmStart !== false) this.#starters.open();
    this.#ready = { commandOf, launcher, surroundings };
  }

  async run(job: Job, context: RunContext): Promise<Outcome> {
    if (this.#ready === undefined) return { kind: 'unavailable', reason: 'the runner has not been started' };
    const { commandOf, launcher, surroundings } = this.#ready;
    const command = commandOf(job, context.input);
    if ('kind' in command) return command;
    const { file, args, variables } = command;
    const { cwd, env } = surroundings;
    const program = { file, args, env: { ...env, ...jobEnvironment(job), ...variables } };
    return runChild({ program, cwd, job: job.id }, context, {
      ...this.#options,
      launcher,
      folder: this.#folder,
      start: this.#starters.start,
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#starters.close(), this.#folder.close()]);
  }
}
