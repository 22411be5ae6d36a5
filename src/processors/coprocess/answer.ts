import { completed, crashed, type Outcome } from '../../job/outcome.ts';
import type { LogLevel } from '../options.ts';
import { shorten } from '../report/shorten.ts';
import { isSaid, readStatement, type Statement } from '../report/statement.ts';

/*
 * What a process says of the job that it works: one JSON object a line, with the `run` of the request and any of
 *
 *   progress, message, data, failed, blocked, reason   as report/statement.ts has them
 *   output        a line of the job's output, or up to 10,000
 *   log           {level, message, fields}: a line for the daemon's own log
 *
 * The first of these ends the run:
 *
 *   failed        why: the job has failed for good
 *   blocked       a delay, or true
 *   unavailable   why: no job can be worked now; the message goes back
 *   crashed       what went wrong, which may be tried again; `detail`: a stack
 *   completed     true; `data` is what was said last
 *
 * One of the first four with nothing in it (but for false) ends the run as well, where an answer has none of the others,
 * `progress`, `output` or `log`: who writes all keys always would have them there.
 *
 * With `retire` (true) beside that, the process takes no more jobs: another takes its place.
 */

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: unknown;
}

/** An answer, understood. `problems`: what of it is not. */
export interface Answer {
  readonly statement: Statement;
  readonly output: readonly string[];
  readonly log?: LogEntry;
  readonly end?: Outcome;
  readonly problems: readonly string[];
}

const MOST_LINES = 10_000;
/** Its number is no work for Intl, which would take each daemon with a coprocess 10 ms and 6 MB. */
const CUT_MARK = '… [cut: more than 10,000 lines in one answer]';

/** By these a program that writes all keys always is told from one that has nothing to say but how its job ended. */
const TELLING = ['progress', 'output', 'log', 'completed', 'failed', 'blocked', 'crashed', 'unavailable'];

const LEVELS: readonly unknown[] = ['debug', 'info', 'warn', 'error'] satisfies LogLevel[];

type Words = Readonly<Record<string, unknown>>;

/** What an object says of a run. Never throws. */
export function readAnswer(object: Words): Answer {
  const problems: string[] = [];
  const output = readOutput(object['output'], problems);
  const log = readLog(object['log'], problems);
  const ending = readEnding(object, problems);
  const statement = readStatement(object);
  const end = statement.end ?? ending ?? readBareEnd(object, problems);
  const isStatement = 'progress' in statement || 'data' in statement || 'end' in statement;
  const saysSomething = output.length > 0 || log !== undefined || end !== undefined || problems.length > 0;
  if (isStatement || !saysSomething) problems.push(...statement.problems);
  return {
    statement,
    output,
    ...(log === undefined ? {} : { log }),
    ...(end === undefined ? {} : { end }),
    problems,
  };
}

function readOutput(output: unknown, problems: string[]): string[] {
  if (output === undefined || output === null) return [];
  if (typeof output === 'string') return splitOutput(output);
  problems.push('output is not a text');
  return [];
}

/** The loop shows nothing else as long as it hands out the lines of one answer. */
function splitOutput(output: string): string[] {
  const lines = output.split(/\r?\n/, MOST_LINES + 1);
  return lines.length > MOST_LINES ? lines.with(MOST_LINES, CUT_MARK) : lines;
}

/** A line for the log, or nothing, with what is wrong in `problems`. */
export function readLog(log: unknown, problems: string[]): LogEntry | undefined {
  if (log === undefined || log === null) return undefined;
  const { level, message, fields } = log as Words;
  if (!LEVELS.includes(level) || typeof message !== 'string') {
    problems.push('log is not {"level": "debug|info|warn|error", "message": "…"}');
    return undefined;
  }
  const entry = { level: level as LogLevel, message: shorten(message) };
  return fields === undefined ? entry : { ...entry, fields };
}

function readEnding(object: Words, problems: string[]): Outcome | undefined {
  const { unavailable, crashed: what, detail, completed: isCompleted } = object;
  if (isSaid(unavailable))
    return { kind: 'unavailable', reason: wordsOf(unavailable, 'the process said that it cannot work') };
  if (isSaid(what))
    return crashed(
      wordsOf(what, 'the process reported a crash'),
      typeof detail === 'string' ? shorten(detail) : undefined,
    );
  if (isCompleted === true) return completed();
  if (isSaid(isCompleted)) problems.push('completed is not true');
  return undefined;
}

function readBareEnd(object: Words, problems: string[]): Outcome | undefined {
  const [name, ...others] = TELLING.filter((key) => Object.hasOwn(object, key));
  if (name === undefined || name === 'completed' || others.length > 0 || object[name] === false)
    return undefined;
  const meant = { ...object, [name]: true };
  const end = readStatement(meant).end ?? readEnding(meant, []);
  if (end !== undefined) problems.push(`${name} has nothing in it, and ends the job all the same`);
  return end;
}

function wordsOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? shorten(value) : otherwise;
}
