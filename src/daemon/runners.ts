import { isDeepStrictEqual } from 'node:util';
import { ConfigError, type SoundParts } from '../config/config-error.ts';
import type { Config, RunnerConfig } from '../config/config.ts';
import { inOrder, type Problem } from '../config/problem.ts';
import { type Runner, RunnerError } from '../job/runner.ts';
import type { RunList } from '../processors/child/run-list.ts';
import type { Limits, Log as RunnerLog, RunnerOptions } from '../processors/options.ts';
import { type Processor, processors } from '../processors/registry.ts';
import { maskedDeep, maskingAlso } from '../worker/masked.ts';
import type { Log } from './log.ts';

/**
 * Makes and starts the runner of every mapped queue: lines are compiled, modules loaded, threads warm. Throws
 * ConfigError with every runner that can never work; those that did start are stopped before. With `runList`, all
 * that they run is listed there. `isWanted`: only those.
 */
export async function startRunners(
  config: Config,
  log: Log,
  runList?: RunList,
  isWanted: (name: string) => boolean = () => true,
): Promise<Map<string, Runner>> {
  const mapped = new Set(config.mappings.values());
  const wanted = [...config.runners.values()].filter(({ name }) => mapped.has(name) && isWanted(name));
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

/** Whether a runner that one configuration has made does for another one as well: how its jobs are treated is not its business. */
export function isSameRunner(
  name: string,
  before: Pick<Config, 'runners' | 'processors'>,
  after: Pick<Config, 'runners' | 'processors'>,
): boolean {
  const [was, is] = [before, after].map(({ runners, processors: own }) => {
    const section = runners.get(name);
    if (section === undefined) return undefined;
    const { processor, redact } = section;
    const { module, directory } = own.get(processor) ?? {};
    // Only a Python runner sees the keys that are none of its own.
    const keys = processor === 'python' ? section.section : {};
    return { ...optionsOf(section), processor, redact, module, moduleDirectory: directory, section: keys };
  });
  return was !== undefined && isDeepStrictEqual(was, is);
}

export async function stopRunners(runners: Iterable<Runner>): Promise<void> {
  await Promise.all([...runners].map((runner) => runner.stop()));
}

async function start(
  wanted: Iterable<RunnerConfig>,
  { secrets, processors: own }: SoundParts,
  log: Log,
  runList?: RunList,
): Promise<{ started: Map<string, Runner>; problems: Problem[] }> {
  const started = new Map<string, Runner>();
  const problems: Problem[] = [];
  await Promise.all(
    [...wanted].map(async (section) => {
      try {
        const make = await loadProcessor(section.processor, own);
        const runner = makeRunner(section, make, logOf(section, log), runList);
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

async function loadProcessor(name: string, own: SoundParts['processors']): Promise<Processor> {
  const load = processors.get(name);
  if (load !== undefined) return load();
  const section = own.get(name);
  if (section === undefined) throw new RunnerError(`no processor "${name}"`);
  const { createOwnProcessor } = await import('../processors/own.ts');
  return createOwnProcessor(section);
}

/** What a runner logs holds no more of what `redact` matches than what its jobs print does. */
function logOf({ name, redact }: RunnerConfig, log: Log): RunnerLog {
  if (redact.length === 0)
    return (level, message, fields) => log[level]({ runner: name, ...fields }, message);
  // Secrets are masked where the line is written.
  const mask = maskingAlso(redact, (text) => text);
  return (level, message, fields) => {
    if (!log.isLevelEnabled(level)) return;
    log[level]({ runner: name, ...(maskedDeep(fields ?? {}, mask) as typeof fields) }, mask(message));
  };
}

function makeRunner(
  section: RunnerConfig,
  make: Processor,
  log: RunnerLog,
  runList: RunList | undefined,
): Runner {
  return make({ ...optionsOf(section), ...(runList === undefined ? {} : { runList }), log });
}

function optionsOf(section: RunnerConfig): RunnerOptions {
  const { threads, cwd } = section;
  return {
    name: section.name,
    spec: section.spec,
    directory: section.directory,
    settings: section.settings,
    section: section.section,
    concurrency: section.concurrency,
    killGraceMs: section.killGraceMs,
    env: section.env,
    limits: limitsOf(section),
    successCodes: section.successCodes,
    blockedCodes: section.blockedCodes,
    unavailableCodes: section.unavailableCodes,
    warmStart: section.warmStart,
    isolation: section.isolation,
    maxJobs: section.maxJobs,
    python: section.python,
    ...(threads === undefined ? {} : { threads }),
    ...(cwd === undefined ? {} : { cwd }),
  };
}

function limitsOf({ user, group, nice, memory }: RunnerConfig): Limits {
  return {
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
    ...(nice === undefined ? {} : { nice }),
    ...(memory === undefined ? {} : { memory }),
  };
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
