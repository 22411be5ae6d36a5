import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { execa } from 'execa';
import type { Job } from '../job/job.ts';
import { type Failure, type Outcome, failed } from '../job/outcome.ts';
import { type RunContext, type Runner, RunnerError } from '../job/runner.ts';
import {
  baseEnvironment,
  findEnvironmentProblem,
  jobEnvironment,
  settingsEnvironment,
} from './child/environment.ts';
import { runChild } from './child/run.ts';
import { StdioFolder } from './child/stdio-folder.ts';
import type { CompiledCommand } from './command/command-text.ts';
import type { RunnerOptions } from './options.ts';
import { type Placeholder, resolvePlaceholder } from './command/placeholders.ts';
import { compileShellCommand } from './command/compile.ts';

const SHELL = '/bin/sh';
const SYNTAX_CHECK_LIMIT_MS = 10_000;

/** `shell!COMMAND`: each job is one `/bin/sh -c COMMAND`, its message’s body on stdin. */
export function createShellRunner(options: RunnerOptions): Runner {
  return new ShellRunner(options);
}

class ShellRunner implements Runner {
  readonly name: string;
  readonly #options: RunnerOptions;
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #folder = new StdioFolder();
  #command: CompiledCommand | undefined;

  constructor(options: RunnerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#cwd = resolve(options.directory, options.cwd ?? '.');
    this.#env = { ...baseEnvironment(), ...options.env };
  }

  async start(): Promise<void> {
    if (this.#options.spec.trim() === '') throw new RunnerError('no command after shell!', 'write it there');
    const command = compileShellCommand(this.#options.spec, (placeholder) => this.#checkSetting(placeholder));
    await this.#requireDirectory();
    await this.#requireSyntax(command);
    await this.#folder.open();
    this.#command = command;
  }

  async run(job: Job, context: RunContext): Promise<Outcome> {
    const command = this.#command;
    if (command === undefined) return { kind: 'unavailable', reason: 'the runner has not been started' };
    const values = this.#resolve(command, job);
    if ('kind' in values) return values;
    const env = {
      ...this.#env,
      ...jobEnvironment(job),
      ...settingsEnvironment(this.#options.settings),
      ...values.variables,
    };
    const { successCodes, blockedCodes, unavailableCodes, killGraceMs, runList, log } = this.#options;
    return runChild({ file: SHELL, args: ['-c', command.text], cwd: this.#cwd, env }, context, {
      successCodes,
      blockedCodes,
      unavailableCodes,
      killGraceMs,
      folder: this.#folder,
      runList,
      log,
    });
  }

  async stop(): Promise<void> {
    await this.#folder.close();
  }

  #resolve(command: CompiledCommand, job: Job): { variables: Record<string, string> } | Failure {
    const variables: Record<string, string> = {};
    for (const [index, placeholder] of command.placeholders.entries()) {
      const found = resolvePlaceholder(placeholder, job, this.#options.settings);
      if ('problem' in found) return failed(found.problem);
      const variable = `RBIT_P${index + 1}`;
      const problem = findEnvironmentProblem(variable, found.value);
      if (problem !== undefined) return failed(`the value of ${placeholder.text} ${problem}`);
      variables[variable] = found.value;
    }
    return { variables };
  }

  #checkSetting(placeholder: Placeholder): RunnerError[] {
    const { name, settings } = this.#options;
    if (placeholder.kind !== 'setting' || Object.hasOwn(settings, placeholder.setting)) return [];
    const missing = `${placeholder.text}: the runner has no setting "${placeholder.setting}"`;
    return [new RunnerError(missing, `add ${placeholder.setting} = … to [runner:${name}]`)];
  }

  async #requireDirectory(): Promise<void> {
    const found = await stat(this.#cwd).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      throw new RunnerError(`cwd ${this.#cwd} is not a directory`, 'create it, or change cwd');
    }
  }

  async #requireSyntax(command: CompiledCommand): Promise<void> {
    const result = await execa(SHELL, ['-n', '-c', command.text], {
      cwd: this.#cwd,
      env: this.#env,
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: SYNTAX_CHECK_LIMIT_MS,
    });
    if (!result.failed) return;
    const said = (result.stderr || (result.shortMessage ?? '')).trim().replace(/\s*\n\s*/g, ' ');
    throw new RunnerError(`the shell refuses the command: ${said}`, 'correct it; sh -n tells as much');
  }
}
