import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { Log } from '../options.ts';
import { type ExitCodes, outcomeOfExit, outcomeOfNoStart } from './exit.ts';
import { LastWords } from './last-words.ts';
import { LineSplitter } from './lines.ts';
import { endWithDaemon } from './live-processes.ts';
import type { RunList } from './run-list.ts';
import { type Child, type ChildCommand, type ChildExit, startChild } from './start.ts';
import type { StdioFolder } from './stdio-folder.ts';
import { stopTree } from './stop.ts';

/** How long pipes are listened to when all that should write to them is gone. */
const PIPES_LIMIT_MS = 1_000;

export interface RunOptions extends ExitCodes {
  readonly killGraceMs: number;
  readonly folder: StdioFolder;
  readonly runList?: RunList | undefined;
  readonly log?: Log | undefined;
}

/** Runs a program as a job: its input, its lines, its end, and the end of all that it started. Never throws. */
export async function runChild(
  command: Omit<ChildCommand, 'input'>,
  context: RunContext,
  options: RunOptions,
): Promise<Outcome> {
  const { signal } = context;
  const { runList } = options;
  if (signal.aborted) return interrupted();
  const run = randomUUID();
  const env = { ...command.env, RBIT_RUN: run };
  runList?.add(run);
  const child = await startChild({ ...command, env, input: context.input }, options.folder);
  if ('kind' in child) {
    runList?.remove(run);
    return outcomeOfNoStart(child);
  }
  runList?.setHead(run, child.pid);
  const marker = `RBIT_RUN=${run}`;
  const forget = endWithDaemon({ group: child.pid, marker });
  const stdout = new LastWords();
  const stderr = new LastWords();
  const pipes = [readLines(child.stdout, context, stdout), readLines(child.stderr, context, stderr)];
  await exitOrAbort(child.exit, signal);
  if (await endTree(child.pid, marker, signal, options)) runList?.remove(run);
  forget();
  await closePipes(child, Promise.all(pipes));
  const exit = await within(PIPES_LIMIT_MS, child.exit);
  if (signal.aborted || exit === undefined) return interrupted();
  return outcomeOfExit(exit, options, { stdout: stdout.lines(), stderr: stderr.lines() });
}

/** False when something of it is still there. */
async function endTree(
  pid: number,
  marker: string,
  signal: AbortSignal,
  options: RunOptions,
): Promise<boolean> {
  const isGone = await stopTree({
    pid,
    marker,
    killGraceMs: options.killGraceMs,
    includesEscaped: () => signal.aborted,
  });
  if (!isGone) options.log?.('warn', 'processes of a job could not be ended', { pid });
  return isGone;
}

function interrupted(): Outcome {
  return { kind: 'interrupted', reason: 'the run was ended' };
}

function readLines(stream: Readable, context: RunContext, lastWords: LastWords): Promise<void> {
  const lines = new LineSplitter((line) => {
    lastWords.add(line);
    context.output(line);
  });
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => lines.push(chunk));
    stream.on('error', () => stream.destroy());
    stream.once('close', () => {
      lines.end();
      resolve();
    });
  });
}

function exitOrAbort(exit: Promise<ChildExit>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end);
    void exit.then(end);
  });
}

async function closePipes(child: Child, closed: Promise<unknown>): Promise<void> {
  const isClosed = await within(
    PIPES_LIMIT_MS,
    closed.then(() => true),
  );
  if (isClosed === true) return;
  // The loop may have been too busy to read what is already there: one turn reads it.
  await nextTurn();
  child.stdout.destroy();
  child.stderr.destroy();
  await within(PIPES_LIMIT_MS, closed);
}

async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  try {
    const limit = delay(limitMs, undefined, { signal: over.signal }).catch(() => undefined);
    return await Promise.race([promise, limit]);
  } finally {
    over.abort();
  }
}
