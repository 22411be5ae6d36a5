import { isAbsolute, relative, resolve } from 'node:path';

/** One thing that is wrong (or odd) in the configuration, and where. Never holds a secret. */
export interface Problem {
  /** The path as the user gave it, or as an `[include]` of such a file leads to it. */
  readonly file: string;
  readonly line?: number;
  readonly section?: string;
  readonly key?: string;
  /** The value as written; left out where it could be a secret. */
  readonly value?: string;
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
  /** Nothing is wrong with the files: this machine lacks what they name. */
  readonly isOfMachine?: true;
}

/** As in the files (by path), one after the other; what has no line comes first. */
export function inOrder(files: readonly string[], problems: readonly Problem[]): Problem[] {
  const paths = files.map((file) => resolve(file));
  const rank = ({ file }: Problem): number => paths.indexOf(resolve(file));
  return problems.toSorted((a, b) => rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0));
}

/**
 * One line, such as `worker.ini:14: [runner:pdf] timeout = "10x": not a duration (try 10s, 10m, 2h)`.
 * With `cwd`, absolute paths below it are shown relative to it, unless it is `/`.
 */
export function formatProblem(problem: Problem, cwd?: string): string {
  const place = shownPath(problem.file, cwd) + (problem.line === undefined ? '' : `:${problem.line}`);
  const value = problem.value === undefined ? '' : ` = ${quoted(problem.value)}`;
  const subject = [
    ...(problem.section === undefined ? [] : [`[${problem.section}]`]),
    ...(problem.key === undefined ? [] : [`${problem.key}${value}`]),
  ].join(' ');
  const fix = problem.fix === undefined ? '' : ` (${problem.fix})`;
  return oneLine(`${place}: ${subject === '' ? '' : `${subject}: `}${problem.message}${fix}`);
}

function shownPath(file: string, cwd: string | undefined): string {
  // A service has / as its working directory, and nobody who reads its log knows.
  if (cwd === undefined || cwd === '/' || !isAbsolute(file)) return file;
  const below = relative(cwd, file);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? file : below;
}

const LONGEST_VALUE = 60;

function quoted(value: string): string {
  const shown = value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
  return `"${shown.replaceAll('\n', '\\n')}"`;
}

// What a file says may hold escape sequences for the terminal.
function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
