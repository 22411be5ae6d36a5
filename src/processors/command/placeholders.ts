import type { Job } from '../../job/job.ts';
import { RunnerError } from '../../job/runner.ts';

/*
 * Placeholders of a command line:
 *
 *   %ID %QUEUE %RUNNER %COMMAND %SUBCOMMAND   facts of the job
 *   %{a.b.0}                                  a path into the body: own properties, array items by index
 *   %{settings.NAME}                          one of the runner's own settings
 *   %%                                        a percent sign
 *
 * A name counts only as a whole word of letters and digits: `%ID_1` and `%ID.log` hold %ID, while `%IDX`
 * and `%Y` stay as they are. The operator of `${name%…}` and `${name%%…}` is the shell's and stays, too.
 */

const NAMES = ['ID', 'QUEUE', 'RUNNER', 'COMMAND', 'SUBCOMMAND'] as const;
type Name = (typeof NAMES)[number];

/** A placeholder as written in a command (`text`), with what it stands for. */
export type Placeholder = { readonly text: string } & (
  | { readonly kind: 'name'; readonly name: Name }
  | { readonly kind: 'setting'; readonly setting: string }
  | { readonly kind: 'path'; readonly path: readonly string[] }
);

/** What a `%` turned out to be, and how many characters of the command it takes. */
export type Percent =
  | { readonly kind: 'literal'; readonly text: string; readonly length: number }
  | { readonly kind: 'placeholder'; readonly placeholder: Placeholder; readonly length: number };

/** Reads what stands at `text[at]`, which is a `%`. Throws RunnerError for a `%{` that is no path. */
export function readPercent(text: string, at: number): Percent {
  if (isParameterOperator(text, at)) {
    return text[at + 1] === '%' ? literal('%%', 2) : literal('%', 1);
  }
  if (text[at + 1] === '%') return literal('%', 2);
  if (text[at + 1] === '{') return readPath(text, at);
  const word = /[A-Za-z0-9]*/y;
  word.lastIndex = at + 1;
  const [found = ''] = word.exec(text) ?? [];
  const name = NAMES.find((known) => known === found);
  if (name === undefined) return literal('%', 1);
  return placeholder({ kind: 'name', name, text: `%${name}` });
}

/** The value's text, or the message that the job fails with. */
export function resolvePlaceholder(
  wanted: Placeholder,
  job: Job,
  settings: Readonly<Record<string, string>>,
): { readonly value: string } | { readonly problem: string } {
  const found = lookUp(wanted, job, settings);
  if (found === undefined) {
    return { problem: `${wanted.text} is missing from the job` };
  }
  if (typeof found === 'string') return { value: found };
  return { value: JSON.stringify(found) };
}

/** A setting that a placeholder names and the runner lacks, as an error to be told with the others. */
export function requireSetting(
  wanted: Placeholder,
  runner: { readonly name: string; readonly settings: Readonly<Record<string, string>> },
): RunnerError[] {
  if (wanted.kind !== 'setting' || Object.hasOwn(runner.settings, wanted.setting)) return [];
  const missing = `${wanted.text}: the runner has no setting "${wanted.setting}"`;
  return [new RunnerError(missing, `add ${wanted.setting} = … to [runner:${runner.name}]`)];
}

function lookUp(wanted: Placeholder, job: Job, settings: Readonly<Record<string, string>>): unknown {
  switch (wanted.kind) {
    case 'name':
      return lookUpName(wanted.name, job);
    case 'setting':
      return ownProperty(settings, wanted.setting);
    case 'path':
      return wanted.path.reduce<unknown>(ownProperty, job.body);
  }
}

function lookUpName(name: Name, job: Job): unknown {
  switch (name) {
    case 'ID':
      return job.id;
    case 'QUEUE':
      return job.queue;
    case 'RUNNER':
      return job.runner;
    case 'COMMAND':
      return ownProperty(job.parameters, 'command');
    case 'SUBCOMMAND':
      return ownProperty(job.parameters, 'subcommand');
  }
}

function ownProperty(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return /^(?:0|[1-9]\d*)$/.test(key) ? items[Number(key)] : undefined;
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function readPath(text: string, at: number): Percent {
  const close = text.indexOf('}', at);
  const written = close === -1 ? text.slice(at, at + 20) : text.slice(at, close + 1);
  const segments = written.slice(2, -1).split('.');
  if (close === -1 || !segments.every((segment) => /^[^\s{}%"'`$\\]+$/.test(segment))) {
    throw new RunnerError(
      `${written} is not a placeholder`,
      'try %{parameters.name}, or %%{ for the characters themselves',
    );
  }
  if (segments[0] !== 'settings') return placeholder({ kind: 'path', path: segments, text: written });
  if (segments.length === 1) throw new RunnerError(`${written} names no setting`, 'try %{settings.name}');
  return placeholder({ kind: 'setting', setting: segments.slice(1).join('.'), text: written });
}

/** True after `${name`, which makes a `%` the operator that cuts a suffix. */
function isParameterOperator(text: string, at: number): boolean {
  return /\$\{(?:\w+|[@*#?$!-])$/.test(text.slice(Math.max(0, at - 256), at));
}

function literal(text: string, length: number): Percent {
  return { kind: 'literal', text, length };
}

function placeholder(found: Placeholder): Percent {
  return { kind: 'placeholder', placeholder: found, length: found.text.length };
}
