import { Worker } from 'node:worker_threads';
import type { Job } from '../../job/job.ts';
import { type Outcome, crashed } from '../../job/outcome.ts';
import { type RunContext, RunnerError } from '../../job/runner.ts';
import { LineSplitter } from '../child/lines.ts';
import { outcomeOfEnd } from './job-end-outcome.ts';
import type { ThreadOptions } from './thread-options.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';

/* The daemon's side of one thread. */

const LOAD_LIMIT_MS = 30_000;
/** A thread that sits in a call of the system cannot be terminated: its jobs are over for us all the same. */
const TERMINATE_LIMIT_MS = 1_000;
const PING_AHEAD_MS = 500;
const NO_JOB = 0;

const ENTRY = new URL(`./thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** `lost`: the thread ended under the job. Its own doing, a neighbour's, or nobody can tell which of several. */
export type Performance =
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | {
      readonly kind: 'lost';
      readonly blame: 'own' | 'neighbour' | 'unknown';
      readonly reason: string;
      readonly stack?: string | undefined;
    };

interface Running {
  readonly job: Job;
  readonly context: RunContext;
  readonly finish: (performance: Performance) => void;
}

interface Death {
  readonly id?: number | undefined;
  readonly reason: string;
  readonly stack?: string | undefined;
}

/**
 * starting → ready → retired (takes no new jobs, ends with its last one) → ended.
 * Any of them → ended, when the thread dies or is terminated.
 */
export class PooledThread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #unread = new SharedArrayBuffer(4);
  readonly #jobs = new Map<number, Running>();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #isUsable = true;
  #nextId = 1;
  #pings = 0;
  #lastPong = 0;
  #death: Death | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    const data: ThreadData = { ...options.module, settings: options.settings, unread: this.#unread };
    this.#worker = new Worker(ENTRY, {
      workerData: data,
      env: options.env,
      execArgv: [],
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

  /** Runs a job, beside those that are there; one that comes before the module is loaded waits for it. Never rejects. */
  perform(job: Job, context: RunContext): Promise<Performance> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<Performance>();
    const timers: NodeJS.Timeout[] = [];
    const onAbort = () => this.#abort(id, timers);
    const finish = (performance: Performance) => {
      context.signal.removeEventListener('abort', onAbort);
      timers.forEach(clearTimeout);
      this.#jobs.delete(id);
      resolve(performance);
      if (!this.#isUsable && this.#jobs.size === 0) void this.end();
    };
    this.#jobs.set(id, { job, context, finish });
    try {
      this.#post({ kind: 'run', id, job });
    } catch (error) {
      finish({ kind: 'ended', outcome: crashed(`the job cannot be handed to a thread: ${String(error)}`) });
      return promise;
    }
    if (context.signal.aborted) onAbort();
    else context.signal.addEventListener('abort', onAbort);
    return promise;
  }

  /** Ends the thread, and what still runs in it. */
  async end(): Promise<void> {
    this.#isUsable = false;
    this.#death ??= { id: NO_JOB, reason: 'the runner was stopped' };
    const limit = setTimeout(() => {
      this.#options.log?.('warn', 'a thread could not be ended: it sits in a call of the system');
      this.#over();
    }, TERMINATE_LIMIT_MS);
    void this.#worker.terminate();
    await this.#ended.promise;
    clearTimeout(limit);
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
    this.#worker.on('message', (message: FromThread | null) => {
      // A module may post what it likes to the port that it finds.
      if (message !== null) this.#hear(message);
    });
    this.#worker.on('error', (error: unknown) => {
      this.#death ??= { reason: error instanceof Error ? error.message : String(error) };
    });
    this.#worker.on('exit', () => this.#over());
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      const lines = new LineSplitter((line) => this.#options.log?.('info', line));
      stream.on('data', (chunk: Buffer) => lines.push(chunk));
    }
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'loaded':
        return this.#loaded.resolve();
      case 'unusable':
        return this.#unusable(message.reason);
      case 'pong':
        this.#lastPong = message.count;
        return;
      case 'output':
        return this.#hearOutput(message);
      case 'progress':
        return this.#jobs.get(message.id)?.context.progress(message.percent, message.message);
      case 'log': {
        const job = message.id === undefined ? undefined : this.#jobs.get(message.id)?.job.id;
        const fields = { ...message.fields, ...(job === undefined ? {} : { job }) };
        return this.#options.log?.(message.level, message.message, fields);
      }
      case 'ended':
        return this.#jobs
          .get(message.id)
          ?.finish({ kind: 'ended', outcome: outcomeOfEnd(message.end, this.#options.log) });
      case 'dying':
        this.#isUsable = false;
        this.#death ??= message;
    }
  }

  #hearOutput(message: FromThread & { kind: 'output' }): void {
    const context = message.id === undefined ? undefined : this.#jobs.get(message.id)?.context;
    for (const line of message.lines) {
      if (context === undefined) this.#options.log?.('info', line);
      else context.output(line);
    }
    const unread = new Int32Array(this.#unread);
    Atomics.sub(unread, 0, message.size);
    Atomics.notify(unread, 0);
  }

  /** Tells the job; when it is still there after the grace, it loses its thread. */
  #abort(id: number, timers: NodeJS.Timeout[]): void {
    const { killGraceMs } = this.#options;
    this.#post({ kind: 'abort', id });
    let ping = 0;
    const askMs = killGraceMs - Math.min(PING_AHEAD_MS, killGraceMs / 2);
    timers.push(
      setTimeout(() => {
        ping = ++this.#pings;
        this.#post({ kind: 'ping', count: ping });
      }, askMs),
      setTimeout(() => {
        if (this.#lastPong >= ping && ping > 0) this.#retire(id);
        else this.#terminate({ id, reason: 'a job kept the thread busy after its end was due' });
      }, killGraceMs),
    );
  }

  /** The job goes on regardless of its signal, its neighbours are well: they may finish here. */
  #retire(id: number): void {
    const reason = 'it went on after its end was due';
    this.#isUsable = false;
    const job = this.#jobs.get(id)?.job.id;
    this.#options.log?.('warn', 'a job ignored its abort signal: its thread is replaced', { job });
    if (this.#jobs.size === 1) this.#terminate({ id, reason });
    else this.#jobs.get(id)?.finish({ kind: 'lost', blame: 'own', reason });
  }

  #terminate(death: Death): void {
    this.#death ??= death;
    void this.end();
  }

  #unusable(reason: string): void {
    this.#loaded.reject(new RunnerError(reason));
    const outcome: Outcome = { kind: 'unavailable', reason };
    this.#isUsable = false;
    for (const { finish } of this.#jobs.values()) finish({ kind: 'ended', outcome });
    void this.end();
  }

  #over(): void {
    this.#isUsable = false;
    const death = this.#death ?? { reason: 'its thread ended' };
    this.#loaded.reject(new RunnerError(`the module ended its thread: ${death.reason}`));
    const blamed = death.id ?? (this.#jobs.size === 1 ? this.#jobs.keys().next().value : undefined);
    for (const [id, { finish }] of this.#jobs) {
      const blame = blamed === undefined ? 'unknown' : blamed === id ? 'own' : 'neighbour';
      finish({ kind: 'lost', blame, reason: death.reason, stack: death.stack });
    }
    this.#ended.resolve();
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message, []);
  }
}
