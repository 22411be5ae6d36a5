import { giveBackWhenIdle } from '../../heap/give-back.ts';
import type { Job } from '../../job/job.ts';
import type { JobContext, JobFunction } from '../job-context.ts';
import { DEEPEST_DATA } from '../report/data-limits.ts';
import { shorten } from '../report/shorten.ts';
import { callFunction } from './call-function.ts';
import { describeThrown, type JobEnd } from './job-end.ts';
import { makeJobLog } from './job-log.ts';
import { JobProgress } from './job-progress.ts';
import { loadFunction } from './load-function.ts';
import { PrintScope } from './print-scope.ts';
import { listen, say } from './process-channel.ts';
import { currentScope, runAs } from './prints.ts';

/*
 * What runs inside a process of a module runner: loads the module, then works one job after the other. It speaks as any
 * coprocess does, besides the streams: what is written to those is the job's output.
 */

interface Run {
  readonly id: string;
  readonly controller: AbortController;
  readonly scope: PrintScope;
}

/** An answer is an object around its data. */
const DEEPEST_ANSWERED = DEEPEST_DATA - 1;

const exit = process.exit.bind(process);
const [specifier = '', parentUrl = '', exportName = '', killGraceMs = ''] = process.argv.splice(2);
let state: 'loading' | 'ready' | 'ending' = 'loading';
let current: Run | undefined;
/** Runs that have ended, as long as anything of them may still run. */
const ended = new WeakMap<PrintScope, string>();

printAtOnce();
reportWhatEndsTheProcess();
giveBackWhenIdle();
process.on('SIGTERM', endSoon);

try {
  const perform = await loadFunction<JobFunction>({ specifier, parentUrl, exportName });
  state = 'ready';
  listen((run, job, settings) => void work(perform, run, job, settings), endSoon);
  say({ ready: true });
} catch (error) {
  say({ unavailable: (error as Error).message });
  exit(1);
}

async function work(
  perform: JobFunction,
  id: string,
  job: Job,
  settings: JobContext['settings'],
): Promise<void> {
  const scope = new PrintScope(
    (lines) => lines.forEach((output) => say({ run: id, output })),
    (lines) => lines.forEach((message) => say({ run: id, log: { level: 'info', message } })),
  );
  const controller = new AbortController();
  current = { id, controller, scope };
  const progress = new JobProgress({
    hasRoom: () => true,
    send: ({ percent, message }) => say({ run: id, progress: percent, message }),
  });
  const context = contextOf(current, settings, progress);
  const end = await runAs(scope, () => callFunction(() => perform(job, context), DEEPEST_ANSWERED));
  progress.close();
  scope.end();
  current = undefined;
  ended.set(scope, id);
  sayEnd(id, end);
  if (state === 'ending') exit(0);
}

function contextOf(
  { id, controller, scope }: Run,
  settings: JobContext['settings'],
  progress: JobProgress,
): JobContext {
  return {
    settings,
    signal: controller.signal,
    // A module in plain JavaScript may hand over anything.
    output: (line: unknown) => scope.print(String(line)),
    progress: (percent: unknown, message: unknown) => {
      if (!scope.hasEnded) progress.tell(percent, message);
    },
    log: makeJobLog((level, message, json) => {
      const fields = json === undefined ? {} : { fields: JSON.parse(json) as unknown };
      say({ run: id, log: { level, message, ...fields } });
    }),
  };
}

function sayEnd(run: string, end: JobEnd): void {
  switch (end.kind) {
    case 'completed':
      return say({ run, completed: true }, { data: end.json });
    case 'failed':
      return say({ run, failed: end.message }, { data: end.json });
    case 'blocked':
      return say({ run, blocked: end.delay ?? true, reason: end.reason });
    case 'crashed':
      return say({ run, crashed: end.message, detail: end.stack });
  }
}

/** The daemon ends what runs here, or has gone: a job is told, and has its grace. */
function endSoon(): void {
  if (current === undefined) return exit(0);
  if (state === 'ending') return;
  state = 'ending';
  setTimeout(() => exit(1), Number(killGraceMs)).unref();
  const { controller, scope } = current;
  // As the job's own doing, so that a listener that throws is blamed on it.
  runAs(scope, () => controller.abort());
}

/** What is printed has left before the job's end is said, and waits for its reader instead of filling the memory. */
function printAtOnce(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const { _handle } = stream as { _handle?: { setBlocking?: (isBlocking: boolean) => void } };
    _handle?.setBlocking?.(true);
  }
}

function reportWhatEndsTheProcess(): void {
  process.exit = (code) => die(`the runner called process.exit(${code ?? ''})`);
  process.on('uncaughtException', (error: unknown, origin) => {
    const { message, stack } = describeThrown(error);
    const scope = currentScope();
    const late = scope?.hasEnded === true ? ended.get(scope) : undefined;
    if (late !== undefined) {
      const log = {
        level: 'error',
        message: shorten(`a job that had ended threw: ${message}`),
        fields: { stack },
      };
      return say({ run: late, log });
    }
    const what = origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception';
    die(`${what}: ${message}`, stack);
  });
}

function die(what: string, stack?: string): never {
  const reason = shorten(what);
  if (state === 'loading') say({ unavailable: `the module ended its process: ${reason}` });
  else if (current === undefined) console.error(stack ?? reason);
  else say({ run: current.id, crashed: reason, detail: stack, retire: true });
  return exit(1);
}
