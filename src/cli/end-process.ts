import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { priorityMarks } from '../daemon/journal-stream.ts';
import { oneLine } from './terminal/terminal-text.ts';

let isExpected = false;

/** Ends the process now, with `process.exitCode` if none is given. Whoever else ends it is no command of ours: see `onForeignEnd`. */
export function endProcess(exitCode = process.exitCode): never {
  isExpected = true;
  process.exit(exitCode);
}

/**
 * Ends the process when all that it has said is written. It would not end by itself: a module that was loaded into it may
 * hold a timer or a connection.
 */
export async function endWhenWritten(): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    if (!stream.destroyed) await new Promise((resolve) => stream.write('', resolve));
  endProcess();
}

/** What ended this process, and was none of its commands; there is an `error` unless it was process.exit. */
export interface ForeignEnd {
  readonly message: string;
  readonly error?: unknown;
}

/**
 * Modules that are loaded into this process can end it, or throw where nobody catches it. `tell` hears of it, and has to
 * say so before it returns; the exit status is then `exitCode`, whatever the module wanted.
 */
export function onForeignEnd(exitCode: number, tell: (end: ForeignEnd) => void): void {
  process.on('exit', (code) => {
    if (isExpected) return;
    tell({ message: `a module inside this process called process.exit(${code})` });
    process.exitCode = exitCode;
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      tell({ message: 'nobody caught an error', error });
      endProcess(exitCode);
    });
}

/** As `onForeignEnd`, told in one line on stderr. */
export function reportForeignEnd(exitCode: number, mask: (text: string) => string): void {
  onForeignEnd(exitCode, ({ message, error }) => {
    const words = error === undefined ? message : `${message}: ${inspectShortly(error)}`;
    try {
      // What a module prints, and be it by an error, is a job's: this is not.
      const { fd } = process.stderr;
      writeSync(fd, `${priorityMarks(fd)('error')}error: ${mask(oneLine(words))}\n`);
    } catch {
      // Nobody reads it.
    }
  });
}

/** What was thrown, and the place in the code that threw it. */
function inspectShortly(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error, { depth: 1 });
  const place = error.stack?.split('\n').find((line) => /^\s+at .*file:/.test(line));
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (${place.trim()})`}`;
}
