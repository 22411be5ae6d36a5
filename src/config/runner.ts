import { resolve } from 'node:path';
import type { RunnerConfig } from './config.ts';
import type { Entry, Section } from './ini.ts';
import { placeAt, placeOf } from './report.ts';
import type { Key, ValuesOf } from './key.ts';
import { describeWay, type Way, wayOf } from './processors.ts';
import { readRunnerLine } from './runner-line.ts';
import { schema } from './schema.ts';
import { isUndone, type Reading, readKeys, warnOfComment } from './section.ts';
import { misspelling } from './suggest.ts';
import { isFolder } from './text-file.ts';

type Values = ValuesOf<typeof schema.runner>;

const ENVIRONMENT_KEY = 'env.';
// What the kernel takes as one NAME=VALUE, with its NUL.
const LONGEST_VARIABLE = 131_072;

/** What a runner's section has to be read with. */
interface Surroundings {
  /** The names of the `[processor:NAME]` sections. */
  readonly own: ReadonlySet<string>;
  /** The configuration looks like one that was written for the original. */
  readonly isOldFile: boolean;
}

/** Reads a `[runner:NAME]` section. What is wrong is reported; the result is then of no use beyond further checks. */
export function readRunner(
  name: string,
  section: Section,
  { own, isOldFile }: Surroundings,
  reading: Reading,
): RunnerConfig {
  const { report } = reading;
  const isPython = /^\s*python\s*!/.test(section.entries.get('runner')?.value ?? '');
  const { values, others } = readKeys(
    section,
    schema.runner,
    isPython ? { ...reading, hint: `it is rbit-ts's own key: ${ANOTHER_NAME}` } : reading,
  );
  const line = readRunnerLine(section, values.runner, own, reading);
  const way = wayOf(line.processor, values.isolation, own);
  checkCodes(section, values, reading);
  if (way !== undefined) checkWays(section, way, line.processor, reading);
  if (isPython && isOldFile) warnOfOwnKeys(section, reading);
  if (way === 'module thread' && values.threads !== undefined && values.threads > values.concurrency) {
    const message = `more threads than jobs at once (concurrency is ${values.concurrency})`;
    report.warning({ ...placeAt(section, 'threads'), message, fix: 'that many are enough' });
  }
  if (section.entries.has('on-restart') && values.ack !== 'receipt') {
    const message = 'has no effect with ack = done';
    report.warning({ ...placeAt(section, 'on-restart'), message, fix: 'remove it, or set ack = receipt' });
  }
  const variables = others.filter(({ key }) => key.startsWith(ENVIRONMENT_KEY));
  const settings = others.filter(({ key }) => !key.startsWith(ENVIRONMENT_KEY));
  return {
    name,
    ...line,
    concurrency: values.concurrency,
    timeoutMs: values.timeout,
    killGraceMs: values['kill-grace'],
    blockedDelay: values['blocked-delay'],
    blockedLimit: values['blocked-limit'],
    retries: values.retries,
    retryDelay: values['retry-delay'],
    crashLimit: values['crash-limit'],
    keepFailed: values['keep-failed'],
    ack: values.ack,
    onRestart: values['on-restart'],
    body: values.body,
    required: values.required,
    cwd: values.cwd === undefined ? undefined : readFolder(section, values.cwd, line.directory, reading),
    env: readEnvironment(variables, reading),
    output: values.output,
    notify: values.notify,
    successCodes: values['success-codes'],
    blockedCodes: values['blocked-codes'],
    unavailableCodes: values['unavailable-codes'],
    warmStart: values['warm-start'],
    idleTimeoutMs: values['idle-timeout'],
    maxOutput: values['max-output'],
    redact: values.redact,
    user: values.user,
    group: values.group,
    nice: values.nice,
    memory: values.memory,
    isolation: values.isolation,
    threads: values.threads,
    maxJobs: values['max-jobs'],
    python: values.python,
    settings: readSettings(settings, reading),
    section: readSection(section, reading),
  };
}

const ANOTHER_NAME = 'a setting of your own needs another name, here and in the .py';

/** To the original all keys but `runner` were the runner's own, also those by which it logs in somewhere. */
function warnOfOwnKeys(section: Section, { report }: Reading): void {
  for (const entry of section.entries.values()) {
    if (entry.key === 'runner' || !knownKeys.includes(entry.key)) continue;
    report.warning({ ...placeOf(entry), message: "taken as rbit-ts's own key", fix: ANOTHER_NAME });
  }
}

const CODE_KEYS = ['success-codes', 'blocked-codes', 'unavailable-codes'] as const;

function checkCodes(section: Section, values: Values, { report }: Reading): void {
  const empty = section.entries.get('success-codes');
  if (empty !== undefined && empty.value === '')
    report.problem({
      ...placeOf(empty),
      message: 'empty: no job could ever complete',
      fix: 'write 0, or remove it',
    });
  for (const [index, key] of CODE_KEYS.entries()) {
    for (const other of CODE_KEYS.slice(index + 1)) {
      const code = values[key].find((one) => values[other].includes(one));
      if (code === undefined) continue;
      const written = section.entries.has(key) ? key : other;
      const message = `${code} is in ${written === key ? other : key} as well`;
      const fix = `leave it out of one of them; by default ${other} is ${schema.runner[other].default}`;
      report.problem({ ...placeAt(section, written), message, fix });
    }
  }
}

/** Keys that mean nothing to this runner: not to be passed over when somebody relies on them. */
function checkWays(section: Section, way: Way, processor: string, { report }: Reading): void {
  for (const [name, key] of Object.entries<Key<unknown>>(schema.runner)) {
    const entry = section.entries.get(name);
    const { ways, isPromise } = key;
    if (ways === undefined || ways.includes(way) || entry === undefined || isUndone(entry, key)) continue;
    const message = `has no effect with ${describeWay(way, processor)}`;
    const place = placeOf(entry);
    if (isPromise === true) {
      const isInherited = entry.section !== section.name;
      const where = isInherited ? `, in [${section.name}]` : '';
      const remove = isInherited ? `write ${name} = there, with nothing after it` : 'remove it';
      const isolate = way.startsWith('module') && ways.includes('module process');
      const fix = isolate ? `${remove}, or set isolation = process` : remove;
      report.problem({ ...place, message: `${message}${where}`, fix });
      // A default for all runners is not meant for those that have no use for it.
    } else if (entry.section === section.name) report.warning({ ...place, message, fix: 'remove it' });
  }
}

function readFolder(section: Section, written: string, directory: string, { report }: Reading): string {
  const folder = resolve(directory, written);
  if (isFolder(folder)) return folder;
  report.problem({
    ...placeAt(section, 'cwd'),
    message: 'no such folder',
    fix: 'create it; relative ones start at the INI file',
    isOfMachine: true,
  });
  return folder;
}

function readEnvironment(entries: readonly Entry[], { report, expander }: Reading): Record<string, string> {
  const variables: [string, string][] = [];
  for (const entry of entries) {
    const name = entry.key.slice(ENVIRONMENT_KEY.length);
    const place = placeOf(entry);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      report.problem({
        ...place,
        message: 'not the name of a variable',
        fix: 'env. and then letters, digits and _',
      });
    else if (name.startsWith('RBIT_'))
      report.problem({
        ...place,
        message: 'RBIT_ is for what rbit-ts itself tells a job',
        fix: 'choose another name',
      });
    const value = expander.expand(entry);
    if (value === undefined) continue;
    if (Buffer.byteLength(`${name}=${value.text}`) >= LONGEST_VARIABLE)
      report.problem({ ...place, message: 'longer than 128 KiB', fix: 'put it in a file' });
    warnOfComment(entry, report);
    variables.push([name, value.text]);
  }
  return Object.fromEntries(variables);
}

function readSettings(entries: readonly Entry[], { report, expander }: Reading): Record<string, string> {
  const settings: [string, string][] = [];
  for (const entry of entries) {
    const meant = /^env[^a-z0-9]/.test(entry.key) ? 'env.NAME' : misspelling(entry.key, knownKeys);
    if (meant !== undefined) {
      const message = `taken as a setting of the runner's own; it looks like ${meant}`;
      report.warning({ ...placeOf(entry), message, fix: `did you mean ${meant}?` });
    }
    warnOfComment(entry, report);
    const value = expander.expand(entry);
    if (value !== undefined) settings.push([entry.key, value.text]);
  }
  return Object.fromEntries(settings);
}

const knownKeys = Object.keys(schema.runner);

function readSection(section: Section, { expander }: Reading): Record<string, string> {
  return Object.fromEntries(
    [...section.entries.values()].map((entry) => [
      entry.key,
      schema.runner[entry.key as keyof typeof schema.runner]?.verbatim === true
        ? entry.value
        : (expander.expand(entry)?.text ?? ''),
    ]),
  );
}
