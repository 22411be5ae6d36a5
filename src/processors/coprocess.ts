import { type Runner, RunnerError } from '../job/runner.ts';
import { requirePlace, requireShellSyntax, SHELL } from './child/command-check.ts';
import { baseEnvironment, findEnvironmentProblem, settingsEnvironment } from './child/environment.ts';
import type { CompiledCommand } from './command/command-text.ts';
import { compileShellCommand } from './command/compile.ts';
import { inPlaceOfShell } from './command/in-place-of-shell.ts';
import { type Placeholder, requireSetting } from './command/placeholders.ts';
import { CoprocessPool } from './coprocess/coprocess-pool.ts';
import type { RunnerOptions } from './options.ts';
import { createPooledRunner } from './pooled-runner.ts';

/** `coprocess!COMMAND`: each job is a line of JSON for a process of `/bin/sh -c COMMAND` that lives on from job to job. */
export function createCoprocessRunner(options: RunnerOptions): Runner {
  const { name, settings, limits, concurrency, maxJobs, killGraceMs, runList, log } = options;
  return createPooledRunner(name, {}, async () => {
    const [command, { cwd, account }] = await RunnerError.all([compile(options), requirePlace(options)]);
    const env = {
      ...baseEnvironment(),
      ...account?.variables,
      ...options.env,
      ...settingsEnvironment(settings),
      RBIT_RUNNER: name,
      ...valuesOf(command.placeholders, settings),
    };
    return new CoprocessPool({
      command: { file: SHELL, args: ['-c', inPlaceOfShell(command.text)] },
      cwd,
      env,
      settings,
      limits,
      size: concurrency,
      maxJobs,
      killGraceMs,
      channel: 'standard',
      announces: false,
      runList,
      log,
    });
  });
}

async function compile(options: RunnerOptions): Promise<CompiledCommand> {
  const { spec } = options;
  if (spec.trim() === '') throw new RunnerError('no command after coprocess!', 'write it there');
  const command = compileShellCommand(spec, (placeholder) => requireKnown(placeholder, options));
  await requireShellSyntax(command.text);
  return command;
}

type Settings = RunnerOptions['settings'];

function valuesOf(placeholders: readonly Placeholder[], settings: Settings): Record<string, string> {
  const values = placeholders.map((placeholder, index) => [
    `RBIT_P${index + 1}`,
    placeholder.kind === 'setting' ? (settings[placeholder.setting] ?? '') : '',
  ]);
  return Object.fromEntries(values) as Record<string, string>;
}

/** A process is started before there is a job, so only what is known then can stand in its command. */
function requireKnown(placeholder: Placeholder, runner: RunnerOptions): RunnerError[] {
  const { text } = placeholder;
  if (placeholder.kind !== 'setting') {
    const early = `${text}: a coprocess is started before there is a job`;
    return [new RunnerError(early, 'let the program read it from the request')];
  }
  const problem = findEnvironmentProblem('RBIT_P1', runner.settings[placeholder.setting] ?? '');
  const unfit = problem === undefined ? [] : [new RunnerError(`${text}: its value ${problem}`)];
  return [...requireSetting(placeholder, runner), ...unfit];
}
