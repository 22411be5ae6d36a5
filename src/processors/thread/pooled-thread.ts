import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Job } from '../../job/job.ts';
import { type Outcome, crashed } from '../../job/outcome.ts';
import { type RunContext, RunnerError } from '../../job/runner.ts';
import { LineSplitter } from '../child/lines.ts';
import { deathOfBlocked } from './blocked-thread.ts';
import { ChannelToThread } from './channel-to-thread.ts';
import { endWithDaemon } from '../child/live-processes.ts';
import { endThread } from './end-thread.ts';
import { describeThrown } from '../module/job-end.ts';
import { type Death, type Performance, RunningJobs } from './running-jobs.ts';
import type { ThreadOptions } from './thread-options.ts';
import type { FromThread, ThreadData } from './messages.ts';

/* The daemon's side of one thread. */

const LOAD_LIMIT_MS = 30_000;
const PING_AHEAD_MS = 500;
const LEAST_AHEAD_MS = 100;
const NO_JOB = 0;

const ENTRY = new URL(`./thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * starting → ready → retired (takes no new jobs, ends with its last one) → ended.
 * Any of them → ended, when the thread dies or is terminated.
 */
export class PooledThread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #channel = new ChannelToThread({
    hear: (message) => this.#hear(message),
    onNonsense: (error) => this.#rejectNonsense(error),
  });
  readonly #run = randomUUID();
  /** In the environment of all that the thread starts. */
  readonly #marker = `RBIT_RUN=${this.#run}`;
  readonly #forget = endWithDaemon({ marker: this.#marker });
  readonly #jobs: RunningJobs;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #isUsable = true;
  #isLoaded = false;
  #isEnding = false;
  /** There are jobs that go on after they were given up. */
  #hasStrays = false;
  #nextId = 1;
  #pings = 0;
  #lastPong = 0;
  #death: Death | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#jobs = new RunningJobs(options.log);
    const { threadEnd } = this.#channel;
    options.runList?.add(this.#run);
    const data: ThreadData = { ...options.module, settings: options.settings, ...threadEnd };
    this.#worker = new Worker(ENTRY, {
      workerData: data,
      transferList: [threadEnd.port],
      env: { ...options.env, RBIT_RUN: this.#run },
      // Whether a runner's folder says what its files are is nobody's business while the file loads.
      execArgv: ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'],
      stdout: true,
      stderr: true,
      ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
    });
    this.#listen();
  }

  /** True until it retires or ends. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** How many jobs it has. */
  get load(): number {
    return this.#jobs.size;
  }

  /** Resolves when the module is loaded. Rejects with RunnerError. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** Resolves when it has ended, and with it all that it has started. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Runs a job, beside those that are there; one that comes before the module is loaded waits for it. Never rejects. */
  perform(job: Job, context: RunContext): Promise<Performance> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<Performance>();
    let abortPing: number | undefined;
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      this.#channel.post({ kind: 'abort', id });
      abortPing = this.#ping();
      timer = this.#awaitEnd(id, (next) => (timer = next));
    };
    const isUnheard = () => this.#isLoaded && abortPing !== undefined && abortPing > this.#lastPong;
    const finish = (performance: Performance) => {
      context.signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      this.#jobs.delete(id);
      resolve(performance);
      if (!this.#isUsable && this.#jobs.size === 0) void this.end();
    };
    this.#jobs.set(id, { job, context, finish, isUnheard });
    try {
      this.#channel.post({ kind: 'run', id, job });
    } catch (error) {
      finish({ kind: 'ended', outcome: crashed(`the job cannot be handed to a thread: ${String(error)}`) });
      return promise;
    }
    if (context.signal.aborted) onAbort();
    else context.signal.addEventListener('abort', onAbort);
    return promise;
  }

  /** Ends the thread, what still runs in it, and the processes that it has started. */
  async end(): Promise<void> {
    if (!this.#isEnding) void this.#end({ id: NO_JOB, reason: 'the runner was stopped' });
    await this.#ended.promise;
  }

  /** Its jobs are over only when what they have started is gone, too. */
  async #end(death: Death): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#isUsable = false;
    this.#channel.close();
    this.#death ??= death;
    const { killGraceMs, log } = this.#options;
    const marker = this.#marker;
    await endThread({ worker: this.#worker, exited: this.#exited.promise, marker, killGraceMs, log });
    this.#over(this.#death);
  }

  #listen(): void {
    const loading = setTimeout(() => {
      this.#unusable(`the module is still loading after ${LOAD_LIMIT_MS / 1000}s`);
    }, LOAD_LIMIT_MS);
    // Those who do not wait for it hear of it from their jobs.
    this.#loaded.promise.then(
      () => clearTimeout(loading),
      () => clearTimeout(loading),
    );
    this.#worker.on('error', (error: unknown) => {
      this.#death ??= { reason: describeThrown(error).message };
    });
    this.#worker.on('exit', () => {
      this.#exited.resolve();
      void this.#end({ reason: 'its thread ended' });
    });
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      const lines = new LineSplitter((line) => this.#options.log?.('info', line));
      stream.on('data', (chunk: Buffer) => lines.push(chunk));
    }
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'loaded':
        this.#isLoaded = true;
        return this.#loaded.resolve();
      case 'unusable':
        return this.#unusable(message.reason);
      case 'pong':
        this.#lastPong = message.count;
        return;
      case 'dying':
        this.#isUsable = false;
        this.#death ??= message;
        return;
      case 'output':
      case 'progress':
      case 'log':
      case 'ended':
        return this.#jobs.hear(message);
    }
  }

  #rejectNonsense(error: unknown): void {
    this.#options.log?.('error', 'a thread said something unintelligible: it is ended', {
      reason: describeThrown(error).message,
    });
    void this.#end({ reason: 'said something unintelligible' });
  }

  #ping(): number {
    const count = ++this.#pings;
    this.#channel.post({ kind: 'ping', count });
    return count;
  }

  /** When the job is still there after the grace, it loses its thread. */
  #awaitEnd(dueId: number, onNext: (timer: NodeJS.Timeout) => void): NodeJS.Timeout {
    const { killGraceMs } = this.#options;
    const aheadMs = Math.min(PING_AHEAD_MS, killGraceMs / 2);
    const ask = (): void => {
      const ping = this.#ping();
      // Not set before: however late this is, the thread has its time to answer.
      onNext(setTimeout(() => this.#judge(dueId, ping), Math.max(aheadMs, LEAST_AHEAD_MS)));
    };
    return setTimeout(ask, killGraceMs - aheadMs);
  }

  #judge(dueId: number, ping: number): void {
    if (this.#jobs.get(dueId) === undefined) return;
    if (this.#lastPong >= ping) return this.#retire(dueId);
    const { calls } = this.#channel;
    void this.#end(deathOfBlocked({ jobs: this.#jobs, calls, hasStrays: this.#hasStrays }));
  }

  /** The job goes on regardless of its signal, its neighbours are well: they may finish here. */
  #retire(id: number): void {
    const reason = 'it went on after its end was due';
    this.#isUsable = false;
    const job = this.#jobs.get(id)?.job.id;
    this.#options.log?.('warn', 'a job ignored its abort signal: its thread is replaced', { job });
    if (this.#jobs.size === 1) void this.#end({ id, reason });
    else {
      this.#hasStrays = true;
      this.#jobs.get(id)?.finish({ kind: 'lost', blame: 'own', reason, isUnheard: false });
    }
  }

  #unusable(reason: string): void {
    this.#loaded.reject(new RunnerError(reason));
    const outcome: Outcome = { kind: 'unavailable', reason };
    this.#isUsable = false;
    this.#jobs.finishAll(outcome);
    void this.end();
  }

  #over(death: Death): void {
    this.#loaded.reject(new RunnerError(`the module ended its thread: ${death.reason}`));
    this.#jobs.lose(death);
    this.#forget();
    this.#options.runList?.remove(this.#run);
    this.#ended.resolve();
  }
}
