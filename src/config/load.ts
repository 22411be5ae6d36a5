import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readAmqp } from './amqp.ts';
import { ConfigError } from './config-error.ts';
import type { Config, ProcessorConfig, RunnerConfig } from './config.ts';
import { Expander } from './expand.ts';
import { readFiles } from './include.ts';
import { readHttp } from './http.ts';
import type { Entry, Section } from './ini.ts';
import { mappingEntries } from './mappings.ts';
import { DEFAULT, merge } from './merge.ts';
import { inOrder, type Problem } from './problem.ts';
import { concerns, type Reader } from './reader.ts';
import { placeOf, Report } from './report.ts';
import { readOwnProcessors } from './own-processors.ts';
import { readQueues } from './queues.ts';
import { readRbit } from './rbit.ts';
import { readRunner } from './runner.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';
import { checkSectionNames, refuseIndentedAmqp } from './section-names.ts';
import { Secrets } from './secrets.ts';

/** Where a configuration is looked for when none is named, first come first served. */
export function configPlaces(home = homedir()): string[] {
  return ['rbit.ini', join(home, '.rbit.ini'), '/etc/rbit/rbit.ini'];
}

/** The first of `configPlaces` that is there. Throws ConfigError when none is. */
export function findConfig(home = homedir()): string {
  const places = configPlaces(home);
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const [file = '', ...others] = places;
  const message = `no such file, and no ${others.join(' or ')}`;
  throw new ConfigError([{ file, message, fix: 'name the INI file on the command line' }]);
}

/**
 * Reads INI files, later ones overriding earlier ones key by key, and everything they include. Throws ConfigError
 * with all problems at once, as far as they concern who reads them, and with what is sound all the same; what is merely
 * odd is in `warnings`. Nothing is written or started.
 */
export async function loadConfig(
  paths: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
  reader: Reader = 'daemon',
): Promise<Config> {
  const report = new Report();
  const secrets = new Secrets();
  const reading: Reading = { report, expander: new Expander(environment, secrets, report) };
  const finish = (files: readonly string[], problems: readonly Problem[]): Problem[] =>
    inOrder(
      files,
      problems.map((problem) => masked(problem, secrets, paths)),
    );

  const read = readFiles(paths, reading.expander, report);
  if (read === undefined) throw new ConfigError(finish(paths, report.problems));
  const files = [...new Set(read.map(({ path }) => path))];

  const sections = merge(read.map(({ ini }) => ini));
  const parts = readSections(
    paths[0] ?? 'rbit.ini',
    sections,
    mappingEntries(read),
    reading,
    secrets,
    environment,
  );
  const problems = finish(
    files,
    report.problems.filter((problem) => concerns(reader, problem)),
  );
  const warnings = finish(files, report.warnings);
  if (problems.length > 0) {
    const runners = soundRunners(parts, sections, report.problems);
    const { rbit, processors } = parts;
    throw new ConfigError(problems, { files, rbit, runners, processors, secrets }, warnings);
  }
  const hidden = hiddenIn(sections, reading.expander);
  return { files, ...parts, warnings, secrets, hidden };
}

function hiddenIn(sections: ReadonlyMap<string, Section>, expander: Expander): Set<string> {
  const names = [...sections.values()].flatMap(({ name, entries }) =>
    [...entries.values()].flatMap((entry) => (expander.isSecret(entry) ? [`${name}.${entry.key}`] : [])),
  );
  return new Set(names);
}

type Parts = Pick<Config, 'rbit' | 'amqp' | 'http' | 'mappings' | 'queues' | 'runners' | 'processors'>;

function readSections(
  file: string,
  sections: ReadonlyMap<string, Section>,
  mapped: readonly Entry[],
  reading: Reading,
  secrets: Secrets,
  environment: NodeJS.ProcessEnv,
): Parts {
  const { report } = reading;
  const { guessed, hasPythonLogging } = checkSectionNames(sections.values(), report);
  const rbitSection = sections.get('rbit');
  const amqpSection = sections.get('amqp');
  if (rbitSection === undefined && !guessed.has('rbit'))
    report.problem({
      file,
      message: 'no [rbit] section',
      fix: 'add [rbit] with queue-mappings = QUEUE:RUNNER',
    });

  readStrictly(sections.get('include'), schema.include, reading);
  const http = readHttp(sections.get('http'), reading, secrets);
  const processors = readOwnProcessors(named('processor', sections), reading);
  const own = new Set(processors.keys());
  const runners = new Map<string, RunnerConfig>();
  for (const [name, section] of named('runner', sections))
    runners.set(name, readRunner(name, section, { own, isOldFile: hasPythonLogging }, reading));

  const { rbit, mappings } = readRbit(rbitSection, mapped, [...runners.keys()], reading, environment);
  warnOfUnmapped(runners, mappings, sections, report);
  warnOfUnused(processors, runners, sections, report);
  if (amqpSection === undefined) refuseIndentedAmqp(sections.values(), report);
  const amqp = amqpSection === undefined ? undefined : readAmqp(amqpSection, reading, secrets);
  const queues = readQueues(named('queue', sections), [...mappings.keys()], amqp, reading);
  if (amqp !== undefined && amqp.exchange === undefined) refuseNotify(runners, sections, report);
  return { rbit, amqp, http, mappings, queues, runners, processors };
}

function named(kind: string, sections: ReadonlyMap<string, Section>): Map<string, Section> {
  const found = [...sections].filter(([name]) => name.startsWith(`${kind}:`));
  return new Map(found.map(([name, section]) => [name.slice(kind.length + 1), section]));
}

/** What of a section has to be right before a runner can be tried. Any other key that is wrong has its default, which will do. */
const STARTED_BY = new Set(['runner', 'cwd', 'isolation', 'python', 'user', 'group']);

function keepsFromTrying({ section = '', key = '' }: Problem): boolean {
  const isOfRunners = section.startsWith('runner:') || section === DEFAULT;
  return !isOfRunners || STARTED_BY.has(key) || !Object.hasOwn(schema.runner, key);
}

/** The runners that can be tried. */
function soundRunners(
  { runners, processors }: Parts,
  sections: ReadonlyMap<string, Section>,
  all: readonly Problem[],
): Map<string, RunnerConfig> {
  const problems = all.filter(keepsFromTrying);
  const places = new Set(problems.map(({ file, line }) => `${file}:${line}`));
  const names = new Set(problems.map(({ section }) => section));
  return new Map(
    [...runners].filter(([name, { processor }]) => {
      if (processors.has(processor) && names.has(`processor:${processor}`)) return false;
      const section = `runner:${name}`;
      // An entry may be inherited: its problem is then told of [DEFAULT].
      const entries = [...(sections.get(section)?.entries.values() ?? [])];
      return !names.has(section) && !entries.some(({ file, line }) => places.has(`${file}:${line}`));
    }),
  );
}

function warnOfUnmapped(
  runners: ReadonlyMap<string, RunnerConfig>,
  mappings: ReadonlyMap<string, string>,
  sections: ReadonlyMap<string, Section>,
  report: Report,
): void {
  const mapped = new Set(mappings.values());
  for (const name of runners.keys()) {
    const section = sections.get(`runner:${name}`);
    if (section === undefined || mapped.has(name)) continue;
    report.warning({
      file: section.file,
      line: section.line,
      section: section.name,
      message: 'no queue is mapped to this runner',
      fix: `add QUEUE:${name} to queue-mappings`,
    });
  }
}

function warnOfUnused(
  processors: ReadonlyMap<string, ProcessorConfig>,
  runners: ReadonlyMap<string, RunnerConfig>,
  sections: ReadonlyMap<string, Section>,
  report: Report,
): void {
  const used = new Set([...runners.values()].map(({ processor }) => processor));
  for (const name of processors.keys()) {
    const section = sections.get(`processor:${name}`);
    if (section === undefined || used.has(name)) continue;
    report.warning({
      file: section.file,
      line: section.line,
      section: section.name,
      message: 'no runner uses it, so its module is not loaded',
      fix: `write runner = ${name}!SPEC in a [runner:NAME]`,
    });
  }
}

function refuseNotify(
  runners: ReadonlyMap<string, RunnerConfig>,
  sections: ReadonlyMap<string, Section>,
  report: Report,
): void {
  for (const runner of runners.values()) {
    const entry = sections.get(`runner:${runner.name}`)?.entries.get('notify');
    if (entry === undefined || !runner.notify) continue;
    report.problem({
      ...placeOf(entry),
      message: 'there is no exchange to notify',
      fix: 'add exchange to [amqp]',
    });
  }
}

// A file that the user named keeps its name, even if a password is spelt the same.
function masked(problem: Problem, secrets: Secrets, paths: readonly string[]): Problem {
  const { file, value, message, fix } = problem;
  return {
    ...problem,
    file: paths.includes(file) ? file : secrets.mask(file),
    message: secrets.mask(message),
    ...(value === undefined ? {} : { value: secrets.mask(value) }),
    ...(fix === undefined ? {} : { fix: secrets.mask(fix) }),
  };
}
