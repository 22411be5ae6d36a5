import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from '../../job/job.ts';
import { describeThrown, endOfReturn, endOfThrow } from './job-end.ts';
import type { JobContext, JobFunction, JobLog } from '../job-context.ts';
import type { LogLevel } from '../options.ts';
import type { FromThread, JobEnd, ThreadData, ToThread } from './messages.ts';
import { type Scope, ThreadOutput } from './thread-output.ts';

/*
 * What runs inside a thread of a module runner: loads the module, then runs jobs as they come, several at once.
 * Whatever ends the thread is told first, with the job that it is to blame on, if it can be known.
 */

const RUNNER_MODULE = 'rbit-ts:runner';
const PUBLIC_API = new URL(`../../index${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  .href;

const data = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('thread.ts is the inside of a thread, not a program');

const post = (message: FromThread): void => port.postMessage(message);
const output = new ThreadOutput(post, data.unread);
const running = new Map<number, { readonly controller: AbortController; readonly scope: Scope }>();

reportWhatEndsTheThread();
output.capture();
redirectImports();

try {
  const perform = await loadFunction();
  port.on('message', (message: ToThread) => {
    if (message.kind === 'run') void run(perform, message.id, message.job);
    else if (message.kind === 'abort') abort(message.id);
    else post({ kind: 'pong', count: message.count });
  });
  post({ kind: 'loaded' });
} catch (error) {
  const name = data.specifier.startsWith('file:') ? fileURLToPath(data.specifier) : data.specifier;
  post({ kind: 'unusable', reason: `cannot load ${name}: ${whereAndWhy(error)}` });
}

async function run(perform: JobFunction, id: number, job: Job): Promise<void> {
  const scope = output.open(id);
  const controller = new AbortController();
  running.set(id, { controller, scope });
  const end = await output.runAs(scope, () => call(perform, job, contextOf(id, scope, controller.signal)));
  running.delete(id);
  output.close(scope);
  post({ kind: 'ended', id, end });
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

function contextOf(id: number, scope: Scope, signal: AbortSignal): JobContext {
  const logAt =
    (level: LogLevel): JobLog =>
    // A module in plain JavaScript may hand over anything.
    (message: unknown, fields) =>
      log(level, String(message), id, fields);
  return {
    settings: data.settings,
    signal,
    output: (line: unknown) => output.print(scope, String(line)),
    progress: (percent: unknown, message: unknown) => {
      const share = Math.min(100, Math.max(0, Number(percent)));
      if (Number.isNaN(share) || scope.hasEnded) return;
      post({
        kind: 'progress',
        id,
        percent: share,
        ...(typeof message === 'string' ? { message } : {}),
      });
    },
    log: { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') },
  };
}

function log(level: LogLevel, message: string, id: number | undefined, fields?: object): void {
  const line = { kind: 'log', level, message, ...(id === undefined ? {} : { id }) } as const;
  if (fields === undefined) return post(line);
  try {
    post({ ...line, fields: JSON.parse(JSON.stringify(fields)) as Record<string, unknown> });
  } catch {
    post(line);
  }
}

function reportWhatEndsTheThread(): void {
  const exit = process.exit.bind(process);
  const die = (what: string, stack?: string): never => {
    const scope = output.current();
    const blamed = scope?.id === undefined || scope.hasEnded ? {} : { id: scope.id };
    post({ kind: 'dying', reason: what, ...blamed, ...(stack === undefined ? {} : { stack }) });
    return exit(1);
  };
  process.exit = (code) => die(`the runner called process.exit(${code ?? ''})`);
  process.on('uncaughtException', (error: unknown, origin) => {
    const { message, stack } = describeThrown(error);
    const scope = output.current();
    if (scope?.hasEnded === true) {
      log('error', `a job that had ended threw: ${message}`, scope.id, { stack });
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
