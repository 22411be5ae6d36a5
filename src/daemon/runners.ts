import { ConfigError, type SoundParts } from '../config/config-error.ts';
import type { Config, RunnerConfig } from '../config/config.ts';
import { inOrder, type Problem } from '../config/problem.ts';
import { type Runner, RunnerError } from '../job/runner.ts';
import type { RunList } from '../processors/child/run-list.ts';
import { processors } from '../processors/registry.ts';
import type { Log } from './log.ts';

/**
 * Makes and starts the runner of every mapped queue: lines are compiled, modules loaded, threads warm. Throws
 * ConfigError with every runner that can never work; those that did start are stopped before. With `runList`, all
 * that they run is listed there.
 */
export async function startRunners(
  config: Config,
  log: Log,
  runList?: RunList,
): Promise<Map<string, Runner>> {
  const mapped = new Set(config.mappings.values());
  const wanted = [...config.runners.values()].filter(({ name }) => mapped.has(name));
  const { started, problems } = await start(wanted, config, log, runList);
  if (problems.length > 0) {
    await stopRunners(started.values());
    throw new ConfigError(inOrder(config.files, problems));
  }
  return started;
}

/** Starts every runner, mapped or not, and stops them again. Returns why those that can never work cannot. */
export async function tryRunners(config: SoundParts, log: Log): Promise<Problem[]> {
  const { started, problems } = await start(config.runners.values(), config, log);
  await stopRunners(started.values());
  return inOrder(config.files, problems);
}

export async function stopRunners(runners: Iterable<Runner>): Promise<void> {
  await Promise.all([...runners].map((runner) => runner.stop()));
}

async function start(
  wanted: Iterable<RunnerConfig>,
  { secrets }: SoundParts,
  log: Log,
  runList?: RunList,
): Promise<{ started: Map<string, Runner>; problems: Problem[] }> {
  const started = new Map<string, Runner>();
  const problems: Problem[] = [];
  await Promise.all(
    [...wanted].map(async (section) => {
      try {
        const runner = makeRunner(section, log, runList);
        await runner.start();
        started.set(section.name, runner);
      } catch (error) {
        if (!(error instanceof RunnerError)) throw error;
        problems.push(problemOf(section, error, secrets.mask));
      }
    }),
  );
  return { started, problems };
}

function makeRunner(section: RunnerConfig, log: Log, runList: RunList | undefined): Runner {
  const make = processors.get(section.processor);
  if (make === undefined) throw new RunnerError(`no processor "${section.processor}"`);
  const { threads, cwd } = section;
  return make({
    name: section.name,
    spec: section.spec,
    directory: section.directory,
    settings: section.settings,
    concurrency: section.concurrency,
    killGraceMs: section.killGraceMs,
    env: section.env,
    successCodes: section.successCodes,
    blockedCodes: section.blockedCodes,
    unavailableCodes: section.unavailableCodes,
    ...(threads === undefined ? {} : { threads }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(runList === undefined ? {} : { runList }),
    log: (level, message, fields) => log[level]({ runner: section.name, ...fields }, message),
  });
}

function problemOf(section: RunnerConfig, error: RunnerError, mask: (text: string) => string): Problem {
  const { name, at } = section;
  const { message, fix } = error;
  return {
    file: at.file,
    line: at.line,
    section: `runner:${name}`,
    key: 'runner',
    message: mask(message),
    ...(fix === undefined ? {} : { fix: mask(fix) }),
  };
}
