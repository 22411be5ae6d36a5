import { fileURLToPath } from 'node:url';
import type { Outcome } from '../../job/outcome.ts';
import { type Runner, RunnerError } from '../../job/runner.ts';
import { requirePlace } from '../child/command-check.ts';
import { baseEnvironment } from '../child/environment.ts';
import { CoprocessPool } from '../coprocess/coprocess-pool.ts';
import type { Account } from '../limits/account.ts';
import type { RunnerOptions } from '../options.ts';
import { createPooledRunner } from '../pooled-runner.ts';
import { heapLimitMib } from './heap-limit.ts';
import { explainLoading } from './loading-errors.ts';
import { readModulePath } from './module-path.ts';

const ENTRY = fileURLToPath(
  new URL(`./process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/** `module!` with `isolation = process`: jobs have warm Node processes, each with one job at a time. */
export function createProcessRunner(options: RunnerOptions): Runner {
  const { name, spec, directory, settings, env, killGraceMs, runList, log, concurrency, maxJobs } = options;
  let hidden: RunnerError | undefined;
  const explain = (error: RunnerError): RunnerError => explainLoading(withHidden(error, hidden), directory);
  return createPooledRunner(name, { explain }, async () => {
    const [{ specifier, parentUrl, exportName }, { cwd, account }] = await RunnerError.all([
      readModulePath(spec, directory),
      requirePlace(options),
    ]);
    if (account !== undefined) {
      await requireNode(account);
      await account.requireReadable(ENTRY, ...(isFile(specifier) ? [fileURLToPath(specifier)] : []));
      hidden = await account.findUnreadable([directory]);
    }
    const { memory, ...limits } = options.limits;
    const heapMib = heapLimitMib(memory, 'process', log);
    const pool = new CoprocessPool({
      command: {
        file: process.execPath,
        args: [
          // Whether a runner's folder says what its files are is nobody's business while the file loads.
          '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
          ...(heapMib === undefined ? [] : [`--max-old-space-size=${heapMib}`]),
          ENTRY,
          specifier,
          parentUrl,
          exportName,
          String(killGraceMs),
        ],
      },
      cwd,
      env: { ...baseEnvironment(), ...account?.variables, ...env },
      settings,
      limits,
      size: concurrency,
      maxJobs,
      killGraceMs,
      channel: 'apart',
      announces: true,
      runList,
      log,
    });
    return {
      start: () => pool.start(),
      run: async (job, context) => nameFatalError(await pool.run(job, context)),
      stop: () => pool.stop(),
    };
  });
}

function isFile(specifier: string): boolean {
  return specifier.startsWith('file:');
}

async function requireNode(account: Account): Promise<void> {
  if ((await account.findProgram([process.execPath])) === undefined)
    throw new RunnerError(
      `${process.execPath} cannot be executed as ${account.name}`,
      'install Node.js for all users',
    );
}

/** Node says nothing of a folder that it cannot look into. */
function withHidden(error: RunnerError, hidden: RunnerError | undefined): RunnerError {
  return hidden === undefined
    ? error
    : new RunnerError(`${error.message} (${hidden.message})`, error.fix ?? hidden.fix);
}

/** V8 ends a process for its heap with a page of addresses; one line of that says why. */
function nameFatalError(outcome: Outcome): Outcome {
  if (outcome.kind !== 'failed') return outcome;
  const why = /^FATAL ERROR: (.*)$/m.exec(outcome.detail ?? '')?.[1];
  return why === undefined ? outcome : { ...outcome, message: `the process ended: ${why}` };
}
