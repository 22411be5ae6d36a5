import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from '../../job/job.ts';
import type { JobContext, JobFunction } from '../job-context.ts';
import { giveBackWhenIdle } from '../../heap/give-back.ts';
import { callFunction } from '../module/call-function.ts';
import { describeThrown } from '../module/job-end.ts';
import { fieldsJson, makeJobLog } from '../module/job-log.ts';
import { JobProgress } from '../module/job-progress.ts';
import { loadFunction } from '../module/load-function.ts';
import type { PrintScope } from '../module/print-scope.ts';
import { capturePrints, currentScope, runAs } from '../module/prints.ts';
import { shorten } from '../report/shorten.ts';
import { Calls } from './calls.ts';
import { ChannelToDaemon } from './channel-to-daemon.ts';
import type { ThreadData } from './messages.ts';
import { Numbered } from './numbered.ts';
import { writeLog } from './thread-log.ts';
import { openScope } from './thread-output.ts';

/*
 * What runs inside a thread of a module runner: loads the module, then runs jobs as they come, several at once.
 * Whatever ends the thread is told first, with the job that it is to blame on, if it can be known.
 */

const data = takeData();
/** One object for all jobs: what one of them wrote, the next would read. */
const settings = Object.freeze(data.settings);
const channel = new ChannelToDaemon(data.port, data.unread);
const calls = new Calls(data.calls);
const running = new Numbered<{ readonly controller: AbortController; readonly scope: PrintScope }>();

reportWhatEndsTheThread();
giveBackWhenIdle();
capturePrints(openScope(channel));

try {
  const perform = await loadFunction<JobFunction>(data);
  channel.listen((message) => {
    if (message.kind === 'run') void run(perform, message.id, message.job);
    else if (message.kind === 'abort') abort(message.id);
    else channel.post({ kind: 'pong', count: message.count });
  });
  channel.post({ kind: 'loaded' });
} catch (error) {
  channel.post({ kind: 'unusable', reason: (error as Error).message });
}

/** What the thread is born with is nothing for the module, and nobody hears what the module says to the port that it finds. */
function takeData(): ThreadData {
  if (parentPort === null) throw new Error('thread.ts is the inside of a thread, not a program');
  parentPort.close();
  const found = workerData as Record<string, unknown>;
  const taken = { ...found };
  for (const name of Object.keys(found)) delete found[name];
  return taken as unknown as ThreadData;
}

async function run(perform: JobFunction, id: number, job: Job): Promise<void> {
  calls.begin(id);
  const scope = openScope(channel, id);
  const controller = new AbortController();
  running.set(id, { controller, scope });
  const progress = new JobProgress({
    hasRoom: () => channel.hasRoom(),
    send: (latest) => channel.postWhenRoom({ kind: 'progress', id, ...latest }, [latest.message ?? '']),
  });
  const context = contextOf(id, scope, controller.signal, progress);
  const end = await runAs(scope, () => callFunction(() => calls.during(id, () => perform(job, context))));
  running.delete(id);
  progress.close();
  scope.end();
  channel.post({ kind: 'ended', id, end });
}

function abort(id: number): void {
  const job = running.get(id);
  // As the job's own doing, so that a listener that throws is blamed on it.
  if (job !== undefined) runAs(job.scope, () => calls.during(id, () => job.controller.abort()));
}

function contextOf(id: number, scope: PrintScope, signal: AbortSignal, progress: JobProgress): JobContext {
  return {
    settings,
    signal,
    // A module in plain JavaScript may hand over anything.
    output: (line: unknown) => scope.print(String(line)),
    progress: (percent: unknown, message: unknown) => {
      if (!scope.hasEnded) progress.tell(percent, message);
    },
    log: makeJobLog((level, message, fields) => writeLog(channel, level, message, { id, fields })),
  };
}

function reportWhatEndsTheThread(): void {
  const exit = process.exit.bind(process);
  const die = (what: string, stack?: string): never => {
    const scope = currentScope();
    const blamed = running.entries().find(([, job]) => job.scope === scope)?.[0];
    channel.post({
      kind: 'dying',
      reason: shorten(what),
      ...(blamed === undefined ? {} : { id: blamed }),
      ...(stack === undefined ? {} : { stack }),
    });
    return exit(1);
  };
  process.exit = (code) => die(`the runner called process.exit(${code ?? ''})`);
  process.on('uncaughtException', (error: unknown, origin) => {
    const { message, stack } = describeThrown(error);
    if (currentScope()?.hasEnded === true) {
      const fields = fieldsJson({ stack });
      writeLog(channel, 'error', shorten(`a job that had ended threw: ${message}`), { fields });
      return;
    }
    die(
      `${origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception'}: ${message}`,
      stack,
    );
  });
}
