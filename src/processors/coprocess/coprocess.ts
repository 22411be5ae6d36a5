import type { Job } from '../../job/job.ts';
import { crashed, type Failure, type Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { NotStarted } from '../child/start.ts';
import type { Readiness } from './answer-line.ts';
import { type CoprocessEnd, explainEnd } from './coprocess-end.ts';
import type { CoprocessOptions } from './coprocess-options.ts';
import { CurrentRun } from './current-run.ts';
import { Listener } from './listener.ts';
import { requestHead, writeRequest } from './request.ts';
import { StartedProgram, type Workshop } from './started-program.ts';
import { within } from '../child/within.ts';

const READY_LIMIT_MS = 30_000;
/** A process that ends closes its streams a moment before it is seen to have ended. */
const EXIT_LIMIT_MS = 1_000;
/** How long a process that has no job may take to see that there will be none. */
const CLOSE_LIMIT_MS = 1_000;
/** So much a pipe takes wholly or not at all (PIPE_BUF of pipe(7)). */
const ATOMIC_BYTES = 4_096;

/**
 * What became of a job. `lost`: the process ended under it. `refused`: it ended before it had read the request, so
 * another process may work the job.
 */
export type Performance =
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'lost' | 'refused'; readonly failure: Failure };

/** One process, and the job that it works: starting → idle ⇄ working; any of them → ending → ended. */
export class Coprocess {
  readonly #program: StartedProgram;
  readonly #options: CoprocessOptions;
  readonly #settings: string;
  readonly #readiness = Promise.withResolvers<Readiness>();
  readonly #ended = Promise.withResolvers<CoprocessEnd>();
  readonly #listener: Listener;
  #finish: ((performance: Performance) => void) | undefined;
  #jobs = 0;
  #isUsable = true;
  #isAsked = false;
  #isEnding = false;
  /** Nothing of the request could be written. */
  #isRefused = false;

  private constructor(program: StartedProgram, options: CoprocessOptions, settings: string) {
    this.#program = program;
    this.#options = options;
    this.#settings = settings;
    this.#listener = new Listener(
      {
        onReadiness: (readiness) => this.#readiness.resolve(readiness),
        onAnswer: (run, isRetiring) => this.#settle(run, isRetiring),
        onNonsense: (failure) => this.#end(failure),
      },
      options,
    );
    this.#listen();
    if (options.announces) void this.#awaitReadiness();
    else this.#readiness.resolve('ready');
  }

  /** Starts a process, or says why it cannot. `settings` are JSON. Never rejects. */
  static async start(workshop: Workshop, settings: string): Promise<Coprocess | NotStarted> {
    const program = await StartedProgram.start(workshop);
    return 'kind' in program ? program : new Coprocess(program, workshop.options, settings);
  }

  /** False once it is about to end. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** How many jobs it has ended. */
  get jobs(): number {
    return this.#jobs;
  }

  /** Resolves when it can take jobs, or never will. */
  get readiness(): Promise<Readiness> {
    return this.#readiness.promise;
  }

  /** Resolves when it has ended, and with it all that it has started. */
  get ended(): Promise<CoprocessEnd> {
    return this.#ended.promise;
  }

  /** Works a job; to be called when it is usable and has none. Never rejects. */
  perform(job: Job, context: RunContext): Promise<Performance> {
    const { promise, resolve } = Promise.withResolvers<Performance>();
    const run = new CurrentRun(job, context, this.#options.log);
    let request: Buffer[];
    try {
      request = writeRequest(run.id, job, context.input, this.#settings);
    } catch (error) {
      const outcome = crashed(`the job cannot be written as JSON: ${String(error)}`);
      return Promise.resolve({ kind: 'ended', outcome });
    }
    const onAbort = (): void => this.#end();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#finish = (performance) => {
      context.signal.removeEventListener('abort', onAbort);
      this.#finish = undefined;
      this.#listener.endRun();
      resolve(performance);
    };
    this.#listener.beginRun(run);
    this.#send(request);
    return promise;
  }

  /** Lets it end by itself, which it does when its input ends; then ends it. To be called when it has no job to lose. */
  async close(): Promise<void> {
    this.#isUsable = false;
    if (this.#isAsked) return void (await this.#ended.promise);
    this.#isAsked = true;
    const { requests } = this.#program.streams;
    // A request that nobody has read to its end is not worth waiting for.
    if (requests.writableLength > 0) requests.destroy();
    else requests.end();
    await within(Math.min(CLOSE_LIMIT_MS, this.#options.killGraceMs), this.#program.exit);
    this.#end();
    await this.#ended.promise;
  }

  /** `verdict`: what its end means for its job; by default what its exit tells. */
  #end(verdict?: Failure): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#isUsable = false;
    void this.#endProgram(verdict);
  }

  async #endProgram(verdict: Failure | undefined): Promise<void> {
    const programEnd = await this.#program.end();
    this.#listener.close();
    const { run, words } = this.#listener;
    const failure = verdict ?? explainEnd(programEnd, words);
    this.#readiness.resolve({ problem: failure.message });
    if (run?.outcome !== undefined) this.#finish?.({ kind: 'ended', outcome: run.outcome });
    else if (run !== undefined) {
      const isRefused = this.#isRefused || programEnd.unread.startsWith(requestHead(run.id));
      this.#finish?.({ kind: isRefused ? 'refused' : 'lost', failure });
    }
    const { exit } = programEnd;
    this.#ended.resolve({ failure, exit, isAsked: this.#isAsked, wasIdle: run === undefined });
  }

  async #awaitReadiness(): Promise<void> {
    const found = await within(READY_LIMIT_MS, this.#readiness.promise);
    if (found === 'ready') return;
    const problem = `the process was not ready within ${READY_LIMIT_MS / 1000}s: let it get ready sooner, and do what takes so long in its first job`;
    this.#readiness.resolve({ problem });
    this.#end();
  }

  #listen(): void {
    const { requests, answers, outputs } = this.#program.streams;
    this.#listener.listen(answers, outputs);
    answers.once('close', () => void this.#endUnanswering());
    requests.once('error', () => this.#end());
    void this.#program.exit.then(() => this.#end());
  }

  #send(request: readonly Buffer[]): void {
    const { requests } = this.#program.streams;
    const bytes = request.reduce((sum, part) => sum + part.length, 0);
    const [head = Buffer.alloc(0), ...others] =
      bytes <= ATOMIC_BYTES ? [Buffer.concat(request, bytes)] : request;
    requests.write(head.subarray(0, ATOMIC_BYTES), (error) => {
      if (error) this.#isRefused = true;
    });
    for (const part of [head.subarray(ATOMIC_BYTES), ...others]) {
      if (part.length > 0) requests.write(part);
    }
  }

  /** What it wrote before its answer may still lie in another pipe: each has been read once when the loop has gone round. */
  #settle(run: CurrentRun, isRetiring: boolean): void {
    setImmediate(() => setImmediate(() => this.#settled(run, isRetiring)));
  }

  #settled(run: CurrentRun, isRetiring: boolean): void {
    const { outcome } = run;
    if (this.#listener.run !== run || outcome === undefined) return;
    this.#jobs += 1;
    // It has answered before it had read the request: what is left of that would stand before the next one.
    if (isRetiring || this.#program.streams.requests.writableLength > 0) void this.close();
    this.#finish?.({ kind: 'ended', outcome });
  }

  async #endUnanswering(): Promise<void> {
    this.#isUsable = false;
    const exit = await within(EXIT_LIMIT_MS, this.#program.exit);
    this.#end(exit === undefined ? crashed('the process closed the stream of its answers') : undefined);
  }
}
