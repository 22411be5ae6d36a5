import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from '../../job/job.ts';
import { describeThrown, endOfReturn, endOfThrow } from './job-end.ts';
import type { JobContext, JobFunction, JobLog } from '../job-context.ts';
import type { LogLevel } from '../options.ts';
import { ChannelToDaemon } from './channel-to-daemon.ts';
import type { JobEnd, ThreadData } from './messages.ts';
import { shorten } from './shorten.ts';
import { writeLog } from './thread-log.ts';
import { type Scope, ThreadOutput } from './thread-output.ts';
import { ThreadProgress } from './thread-progress.ts';

/*
 * What runs inside a thread of a module runner: loads the module, then runs jobs as they come, several at once.
 * Whatever ends the thread is told first, with the job that it is to blame on, if it can be known.
 */

const RUNNER_MODULE = 'rbit-ts:runner';
const PUBLIC_API = new URL(`../../index${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  .href;

const data = takeData();
const channel = new ChannelToDaemon(data.port, data.unread);
const output = new ThreadOutput(channel);
const running = new Map<number, { readonly controller: AbortController; readonly scope: Scope }>();

reportWhatEndsTheThread();
output.capture();
redirectImports();

try {
  const perform = await loadFunction();
  channel.listen((message) => {
    if (message.kind === 'run') void run(perform, message.id, message.job);
    else if (message.kind === 'abort') abort(message.id);
    else channel.post({ kind: 'pong', count: message.count });
  });
  channel.post({ kind: 'loaded' });
} catch (error) {
  const name = data.specifier.startsWith('file:') ? fileURLToPath(data.specifier) : data.specifier;
  channel.post({ kind: 'unusable', reason: shorten(`cannot load ${name}: ${whereAndWhy(error)}`) });
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
  const scope = output.open(id);
  const controller = new AbortController();
  running.set(id, { controller, scope });
  const progress = new ThreadProgress(channel, id);
  const context = contextOf(id, scope, controller.signal, progress);
  const end = await output.runAs(scope, () => call(perform, job, context));
  running.delete(id);
  progress.close();
  output.close(scope);
  channel.post({ kind: 'ended', id, end });
}

async function call(perform: JobFunction, job: Job, context: JobContext): Promise<JobEnd> {
  try {
    return endOfReturn(await perform(job, context));
  } catch (thrown) {
    return endOfThrow(thrown);
  }
}

function abort(id: number): void {
  const job = running.get(id);
  // As the job's own doing, so that a listener that throws is blamed on it.
  if (job !== undefined) output.runAs(job.scope, () => job.controller.abort());
}

function contextOf(id: number, scope: Scope, signal: AbortSignal, progress: ThreadProgress): JobContext {
  const logAt =
    (level: LogLevel): JobLog =>
    // A module in plain JavaScript may hand over anything.
    (message: unknown, fields) =>
      writeLog(channel, level, String(message), { id, fields });
  return {
    settings: data.settings,
    signal,
    output: (line: unknown) => output.print(scope, String(line)),
    progress: (percent: unknown, message: unknown) => {
      if (!scope.hasEnded) progress.tell(percent, message);
    },
    log: { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') },
  };
}

function reportWhatEndsTheThread(): void {
  const exit = process.exit.bind(process);
  const die = (what: string, stack?: string): never => {
    const scope = output.current();
    const blamed = scope?.id === undefined || scope.hasEnded ? {} : { id: scope.id };
    channel.post({
      kind: 'dying',
      reason: shorten(what),
      ...blamed,
      ...(stack === undefined ? {} : { stack }),
    });
    return exit(1);
  };
  process.exit = (code) => die(`the runner called process.exit(${code ?? ''})`);
  process.on('uncaughtException', (error: unknown, origin) => {
    const { message, stack } = describeThrown(error);
    const scope = output.current();
    if (scope?.hasEnded === true) {
      writeLog(channel, 'error', `a job that had ended threw: ${message}`, { fields: { stack } });
      return;
    }
    die(
      `${origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception'}: ${message}`,
      stack,
    );
  });
}

/** A runner's file may lie anywhere and need not have rbit-ts installed: it gets this one. */
function redirectImports(): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === RUNNER_MODULE) {
        return nextResolve(data.specifier, { ...context, parentURL: data.parentUrl });
      }
      if (specifier === 'rbit-ts') return { url: PUBLIC_API, shortCircuit: true };
      return nextResolve(specifier, context);
    },
  });
}

async function loadFunction(): Promise<JobFunction> {
  const module = (await import(RUNNER_MODULE)) as Record<string, unknown>;
  // A CommonJS module's own exports are all under `default`, whatever of them could be found out beforehand.
  const inner = module['default'];
  const found = [module, typeof inner === 'object' ? inner : null]
    .map((exports) => (exports as Record<string, unknown> | null)?.[data.exportName])
    .find((candidate) => typeof candidate === 'function');
  if (found !== undefined) return found as JobFunction;
  const others = Object.keys(module).filter((name) => typeof module[name] === 'function');
  const hint = others.length === 0 ? 'it exports no function' : `it has ${others.join(', ')}`;
  throw new Error(`no function is exported as "${data.exportName}" (${hint})`);
}

/** The stack of a syntax error begins with the place that its message lacks. */
function whereAndWhy(error: unknown): string {
  const { message, stack = '' } = describeThrown(error);
  const place = /^(?:file:\/\/)?(\/.*:\d+)\n/.exec(stack)?.[1];
  const reason = message.replace(/^Error: /, '');
  return place === undefined ? reason : `${place}: ${reason}`;
}
