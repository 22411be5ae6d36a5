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

/** A placeholder as written in a command (`text`), with what it stands for. */
export type Placeholder = { readonly text: string } & (
  | { readonly kind: 'fact'; readonly fact: 'id' | 'queue' | 'runner' }
  | { readonly kind: 'setting'; readonly setting: string }
  | { readonly kind: 'path'; readonly path: readonly string[] }
);

const NAMED: ReadonlyMap<string, Placeholder> = new Map<string, Placeholder>([
  ['ID', { kind: 'fact', fact: 'id', text: '%ID' }],
  ['QUEUE', { kind: 'fact', fact: 'queue', text: '%QUEUE' }],
  ['RUNNER', { kind: 'fact', fact: 'runner', text: '%RUNNER' }],
  ['COMMAND', { kind: 'path', path: ['parameters', 'command'], text: '%COMMAND' }],
  ['SUBCOMMAND', { kind: 'path', path: ['parameters', 'subcommand'], text: '%SUBCOMMAND' }],
]);

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
  const named = NAMED.get(found);
  return named === undefined ? literal('%', 1) : placeholder(named);
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
