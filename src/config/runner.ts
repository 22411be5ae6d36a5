import { dirname, resolve } from 'node:path';
import type { RunnerConfig } from './config.ts';
import type { Entry, Section } from './ini.ts';
import type { Problem } from './problem.ts';
import { placeOf } from './report.ts';
import { processors, schema, type ValuesOf } from './schema.ts';
import { type Reading, readKeys, warnOfComment, warnOfCommentInLine } from './section.ts';
import { didYouMean, misspelling } from './suggest.ts';
import { isFolder } from './text-file.ts';

type Values = ValuesOf<typeof schema.runner>;

const ENVIRONMENT_KEY = 'env.';
// What the kernel takes as one NAME=VALUE, with its NUL.
const LONGEST_VARIABLE = 131_072;

/** Reads a `[runner:NAME]` section. What is wrong is reported; the result is then of no use beyond further checks. */
export function readRunner(name: string, section: Section, reading: Reading): RunnerConfig {
  const { report } = reading;
  const { values, others } = readKeys(section, schema.runner, reading);
  const line = readLine(section, values.runner, reading);
  checkCodes(section, values, reading);
  checkProcessorKeys(section, line.processor, reading);
  if (values.threads !== undefined && values.threads > values.concurrency) {
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
    isolation: values.isolation,
    threads: values.threads,
    settings: readSettings(settings, reading),
  };
}

type Line = Pick<RunnerConfig, 'processor' | 'spec' | 'at' | 'directory'>;

function readLine(section: Section, written: string, { report }: Reading): Line {
  const entry = section.entries.get('runner');
  const place = placeAt(section, 'runner');
  const mark = written.indexOf('!');
  const processor = written.slice(0, Math.max(mark, 0)).trim();
  const spec = written.slice(mark + 1);
  const example = 'such as shell!COMMAND or module!./FILE.ts';

  if (entry === undefined)
    report.problem({ ...place, message: 'missing', fix: `add runner = PROCESSOR!SPEC, ${example}` });
  else if (mark === -1)
    report.problem({
      ...place,
      value: written,
      message: 'no "!" in it',
      fix: `write PROCESSOR!SPEC, ${example}`,
    });
  else if (!processors.some((known) => known === processor)) {
    const known = `known: ${processors.join(', ')}`;
    const near = didYouMean(processor, processors, '');
    const message = processor === '' ? 'no processor before "!"' : `unknown processor ${processor}`;
    report.problem({ ...place, value: written, message, fix: near === '' ? known : `${near} ${known}` });
  } else if (spec.trim() === '')
    report.problem({
      ...place,
      value: written,
      message: 'nothing after "!"',
      fix: `write PROCESSOR!SPEC, ${example}`,
    });

  if (entry !== undefined) warnOfCommentInLine(entry, report);

  const file = entry?.file ?? section.file;
  return {
    processor,
    spec,
    at: { file, line: entry?.line ?? section.line },
    directory: dirname(resolve(file)),
  };
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

function checkProcessorKeys(section: Section, processor: string, { report }: Reading): void {
  for (const [name, key] of Object.entries(schema.runner)) {
    if (key.processor === undefined || key.processor === processor) continue;
    const entry = section.entries.get(name);
    // A default for all runners is not meant for those that have no use for it.
    if (entry === undefined || entry.section !== section.name) continue;
    report.warning({ ...placeOf(entry), message: `has no effect with ${processor}!`, fix: 'remove it' });
  }
}

function readFolder(section: Section, written: string, directory: string, { report }: Reading): string {
  const folder = resolve(directory, written);
  if (isFolder(folder)) return folder;
  report.problem({
    ...placeAt(section, 'cwd'),
    message: 'no such folder',
    fix: 'create it; relative ones start at the INI file',
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

const knownKeys = Object.entries(schema.runner)
  .filter(([, key]) => key.refused !== true)
  .map(([name]) => name);

// The key's own place, or the section's when the key is not there.
function placeAt(section: Section, key: string): Pick<Problem, 'file' | 'line' | 'section' | 'key'> {
  const entry = section.entries.get(key);
  return entry === undefined
    ? { file: section.file, line: section.line, section: section.name, key }
    : placeOf(entry);
}
