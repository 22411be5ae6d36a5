import { constants } from 'node:os';
import { type Outcome, completed, crashed, failed } from '../../job/outcome.ts';
import type { ChildEnd, NotStarted } from './start.ts';

/** Which exit codes mean what. */
export interface ExitCodes {
  readonly successCodes: readonly number[];
  readonly blockedCodes: readonly number[];
  readonly unavailableCodes: readonly number[];
}

/** What the child said before it ended: lines that are not empty, oldest first. */
export interface LastLines {
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** What is known of a child's end besides how it ended. */
export interface LastState extends LastLines {
  /** Something of it was ended because it had more memory than it may. */
  readonly isOverMemory: boolean;
}

/**
 * What a child's end means for its job; the first row that fits decides:
 *
 *   not known                              crashed
 *   ended by a signal                      crashed
 *   code in `successCodes`                 completed
 *   code in `blockedCodes`                 blocked, its last line as the reason
 *   code in `unavailableCodes`             unavailable
 *   any other code                         crashed, with the last lines of stderr
 */
export function outcomeOfExit(exit: ChildEnd, codes: ExitCodes, said: LastState): Outcome {
  switch (exit.kind) {
    case 'lost':
      return crashed(explain(`how it ended is not known: ${exit.reason}`, said), detailOf(said));
    case 'killed':
      return crashed(explain(`killed by ${exit.signal}${memory(said)}`, said), detailOf(said));
    case 'exited':
      return outcomeOfCode(exit.code, codes, said);
  }
}

function memory({ isOverMemory }: LastState): string {
  return isOverMemory ? ' for its memory' : '';
}

/** What it means that nothing was started: the job's fault only when it brought too much along (E2BIG). */
export function outcomeOfNoStart({ code, message }: NotStarted): Outcome {
  return code === 'E2BIG'
    ? failed('the values for its environment are too large together: read them from stdin')
    : { kind: 'unavailable', reason: `could not be started: ${message}` };
}

function outcomeOfCode(code: number, codes: ExitCodes, said: LastState): Outcome {
  if (codes.successCodes.includes(code)) return completed();
  if (codes.blockedCodes.includes(code)) {
    return { kind: 'blocked', reason: said.stderr.at(-1) ?? said.stdout.at(-1) ?? `exit code ${code}` };
  }
  if (codes.unavailableCodes.includes(code)) {
    return { kind: 'unavailable', reason: explain(`exit code ${code}`, said) };
  }
  return crashed(explain(`exit code ${code}${signalBehind(code)}${memory(said)}`, said), detailOf(said));
}

/** A shell says 128 + n of a program that signal n ended. */
function signalBehind(code: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return name === undefined ? '' : ` (${name})`;
}

function explain(what: string, { stderr }: LastLines): string {
  return stderr.length === 0 ? what : `${what}: ${stderr.slice(-3).join('\n')}`;
}

function detailOf({ stderr }: LastLines): string | undefined {
  return stderr.length > 3 ? stderr.join('\n') : undefined;
}
