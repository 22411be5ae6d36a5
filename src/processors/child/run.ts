import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crashed, type Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { Launcher, Program } from '../limits/launcher.ts';
import type { Log } from '../options.ts';
import { openReport, type Report } from '../report/report.ts';
import { type ExitCodes, outcomeOfExit, outcomeOfNoStart } from './exit.ts';
import { LastWords } from './last-words.ts';
import { LineSplitter } from './lines.ts';
import { type LaunchedChild, launchChild } from './launch-child.ts';
import type { RunList } from './run-list.ts';
import {
  type BriefChild,
  type Child,
  type ChildEnd,
  type Lost,
  type NotStarted,
  notStarted,
  type StartChild,
} from './start.ts';
import type { StdioFolder } from './stdio-folder.ts';
import { stopTree, type Tree } from './stop.ts';
import { within } from './within.ts';

/** How long pipes are listened to when all that should write to them is gone. */
const PIPES_LIMIT_MS = 1_000;

export interface RunOptions extends ExitCodes {
  readonly killGraceMs: number;
  readonly launcher: Launcher;
  readonly folder: StdioFolder;
  readonly start: StartChild;
  readonly runList?: RunList | undefined;
  readonly log?: Log | undefined;
}

/** Runs a program as a job: its input, its lines, what it reports, its end, and the end of all that it started. Never throws. */
export async function runChild(
  { program, cwd, job }: { readonly program: Program; readonly cwd: string; readonly job: string },
  context: RunContext,
  options: RunOptions,
): Promise<Outcome> {
  if (context.signal.aborted) return interrupted();
  const { folder, log } = options;
  let report: Report;
  try {
    report = await folder.attempt(() => openReport(folder, { job, context, log }));
  } catch (error) {
    return outcomeOfNoStart(notStarted(error));
  }
  const env = { ...program.env, RBIT_REPORT: report.path };
  return report.end(await runProgram({ program: { ...program, env }, cwd }, context, options));
}

async function runProgram(
  command: { readonly program: Program; readonly cwd: string },
  context: RunContext,
  options: RunOptions,
): Promise<Outcome> {
  const { signal, input } = context;
  const launched = await launchChild<Child | BriefChild, NotStarted | Lost>(
    { ...command, run: randomUUID() },
    options,
    (program) => options.start({ ...program, input }, options.folder),
  );
  if ('kind' in launched) return outcomeOfNoChild(launched, options);
  const { child, ...launch } = launched;
  const stdout = new LastWords();
  const stderr = new LastWords();
  const splitters = [splitterFor(context, stdout), splitterFor(context, stderr)] as const;
  const watch: Watch = { ...launch, splitters, context, options };
  let seen: Seen;
  try {
    seen = child.pid === undefined ? await hearBrief(child, watch) : await watchChild(child, watch);
  } catch (error) {
    // It was started, so the job may be done: to call that no start would run it again and again.
    return crashed(`how it ended is not known: ${(error as Error).message}`);
  }
  const { exit, isOverMemory } = seen;
  if (signal.aborted || exit === undefined) return interrupted();
  return outcomeOfExit(exit, options, { stdout: stdout.lines(), stderr: stderr.lines(), isOverMemory });
}

interface Watch extends Omit<LaunchedChild<unknown>, 'child'> {
  /** For what it writes to stdout and stderr. */
  readonly splitters: readonly [LineSplitter, LineSplitter];
  readonly context: RunContext;
  readonly options: RunOptions;
}

interface Seen {
  readonly exit: ChildEnd | undefined;
  readonly isOverMemory: boolean;
}

async function hearBrief(child: BriefChild, { splitters, context, options, ...watch }: Watch): Promise<Seen> {
  for (const [index, bytes] of [child.stdout, child.stderr].entries()) {
    if (bytes.length > 0) context.heard();
    splitters[index]?.push(bytes);
    splitters[index]?.end();
  }
  const { signal } = context;
  const isGone = isAllOver(child.exit, signal) || (await endTree(watch, signal, options));
  return { exit: child.exit, ...watch.release(isGone) };
}

async function watchChild(child: Child, { splitters, context, options, ...watch }: Watch): Promise<Seen> {
  const { signal } = context;
  const [stdout, stderr] = splitters;
  const pipes = [readLines(child.stdout, context, stdout), readLines(child.stderr, context, stderr)];
  const end = await exitOrAbort(child.exit, signal);
  const isGone = isAllOver(end, signal) || (await endTree({ pid: child.pid, ...watch }, signal, options));
  const { isOverMemory } = watch.release(isGone);
  await closePipes(child, Promise.all(pipes));
  return { exit: await within(PIPES_LIMIT_MS, child.exit), isOverMemory };
}

function outcomeOfNoChild(end: NotStarted | Lost, codes: ExitCodes): Outcome {
  if (end.kind === 'not-started') return outcomeOfNoStart(end);
  return outcomeOfExit(end, codes, { stdout: [], stderr: [], isOverMemory: false });
}

/** False when something of it is still there. */
async function endTree(
  tree: Pick<Tree, 'pid' | 'marker' | 'held'>,
  signal: AbortSignal,
  { killGraceMs, log }: RunOptions,
): Promise<boolean> {
  const isGone = await stopTree({ ...tree, killGraceMs, includesEscaped: () => signal.aborted });
  if (!isGone) log?.('warn', 'processes of a job could not be ended', { pid: tree.pid });
  return isGone;
}

function interrupted(): Outcome {
  return { kind: 'interrupted', reason: 'the run was ended' };
}

function splitterFor(context: RunContext, lastWords: LastWords): LineSplitter {
  return new LineSplitter((line) => lastWords.add(context.output(line)));
}

function readLines(stream: Readable, context: RunContext, lines: LineSplitter): Promise<void> {
  return new Promise((resolve) => {
    // Without a word, and before it was heard that it began.
    if (stream.closed) return resolve();
    stream.on('data', (chunk: Buffer) => {
      context.heard();
      lines.push(chunk);
    });
    stream.on('error', () => stream.destroy());
    stream.once('close', () => {
      lines.end();
      resolve();
    });
  });
}

/** Undefined when the abort came first. */
async function exitOrAbort(exit: Promise<ChildEnd>, signal: AbortSignal): Promise<ChildEnd | undefined> {
  if (signal.aborted) return undefined;
  let abort = (): void => {};
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
    signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([exit, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The whole tree ended by itself. What has left its group is nobody's business unless the job is aborted. */
function isAllOver(end: ChildEnd | undefined, { aborted }: AbortSignal): boolean {
  return !aborted && end !== undefined && 'isAlone' in end && (end.isAlone ?? false);
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
