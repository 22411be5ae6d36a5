import type { Job } from '../../job/job.ts';
import type { Failure, Outcome } from '../../job/outcome.ts';
import { type RunContext, type Runner, RunnerError } from '../../job/runner.ts';
import { Launcher } from '../limits/launcher.ts';
import type { RunnerOptions } from '../options.ts';
import { StarterPool } from '../starter/starter-pool.ts';
import { type Place, requirePlace } from './command-check.ts';
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
export interface Surroundings extends Place {
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads a runner's line, once; throws RunnerError when that can never work. Where the line is to run may not be found:
 * whatever is wrong without it is told all the same.
 */
export type Compile = (surroundings: Promise<Surroundings>) => Promise<CommandOf>;

/** A runner whose jobs are processes of their own, each of which ends with an exit code. */
export function createCommandRunner(options: RunnerOptions, compile: Compile): Runner {
  return new CommandRunner(options, compile);
}

interface Ready {
  readonly commandOf: CommandOf;
  readonly launcher: Launcher;
  readonly surroundings: Surroundings;
}

async function surroundingsOf(options: RunnerOptions): Promise<Surroundings> {
  const { env, settings } = options;
  const { cwd, account } = await requirePlace(options);
  return {
    cwd,
    env: { ...baseEnvironment(), ...account?.variables, ...env, ...settingsEnvironment(settings) },
    account,
  };
}

class CommandRunner implements Runner {
  readonly name: string;
  readonly #options: RunnerOptions;
  readonly #compile: Compile;
  readonly #folder = new StdioFolder();
  readonly #starters: StarterPool;
  #ready: Ready | undefined;

  constructor(options: RunnerOptions, compile: Compile) {
    this.name = options.name;
    this.#options = options;
    this.#compile = compile;
    this.#starters = new StarterPool(options);
  }

  async start(): Promise<void> {
    const { limits, log, warmStart } = this.#options;
    const found = surroundingsOf(this.#options);
    const [commandOf, surroundings] = await RunnerError.all([this.#compile(found), found]);
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
