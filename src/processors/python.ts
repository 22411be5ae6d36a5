import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Runner, RunnerError } from '../job/runner.ts';
import { requirePlace } from './child/command-check.ts';
import { baseEnvironment } from './child/environment.ts';
import { programPaths } from './command/program.ts';
import { CoprocessPool } from './coprocess/coprocess-pool.ts';
import type { Account } from './limits/account.ts';
import type { RunnerOptions } from './options.ts';
import { createPooledRunner } from './pooled-runner.ts';
import { readCallableSpec } from './python/callable-spec.ts';

const HOST = fileURLToPath(new URL('./python/host.py', import.meta.url));

/** `python!MODULE:CALLABLE`: each job is a call of `callable(build_request, settings)`, in warm processes of Python. */
export function createPythonRunner(options: RunnerOptions): Runner {
  const { name, directory, python, section, env, limits, concurrency, maxJobs, killGraceMs } = options;
  let hidden: RunnerError | undefined;
  const explain = (error: RunnerError): RunnerError => explainStart(error, python, hidden);
  return createPooledRunner(name, { explain }, async () => {
    const [spec, { cwd, account }] = await RunnerError.all([readSpec(options), requirePlace(options)]);
    const file = python.includes('/') ? resolve(directory, python) : python;
    const environment = { ...baseEnvironment(), ...account?.variables, ...env };
    if (account !== undefined) {
      await requirePython(file, { account, cwd, env: environment });
      await account.requireReadable(HOST);
      hidden = await account.findUnreadable([directory]);
    }
    return new CoprocessPool({
      command: { file, args: [HOST, spec, directory] },
      cwd,
      env: environment,
      settings: section,
      limits,
      size: concurrency,
      maxJobs,
      killGraceMs,
      channel: 'apart',
      announces: true,
      runList: options.runList,
      log: options.log,
    });
  });
}

async function readSpec({ spec }: RunnerOptions): Promise<string> {
  return readCallableSpec(spec);
}

async function requirePython(
  file: string,
  { account, cwd, env }: { readonly account: Account; readonly cwd: string; readonly env: Environment },
): Promise<void> {
  if ((await account.findProgram(programPaths(file, { cwd, env }))) === undefined)
    throw new RunnerError(
      `there is no ${file} that can be executed as ${account.name}`,
      'install one for all users, or set python = …',
    );
}

type Environment = Readonly<Record<string, string>>;

/** Node says no more than ENOENT or EACCES of a program that is not there, and Python nothing of a folder that is `hidden`. */
function explainStart(error: RunnerError, python: string, hidden: RunnerError | undefined): RunnerError {
  if (hidden !== undefined) return new RunnerError(`${error.message} (${hidden.message})`, hidden.fix);
  if (error.fix !== undefined || !/ENOENT|EACCES/.test(error.message)) return error;
  return new RunnerError(error.message, `install ${python}, or set python = …`);
}
