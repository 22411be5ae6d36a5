import { setMaxListeners } from 'node:events';
import { formatDuration } from '../../job/duration.ts';
import type { Job } from '../../job/job.ts';
import type { Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { JobContext } from '../job-context.ts';
import type { Log } from '../options.ts';
import { callFunction } from './call-function.ts';
import { writeToDaemon } from './daemon-log.ts';
import type { JobEnd } from './job-end.ts';
import { outcomeOfEnd } from './job-end-outcome.ts';
import { makeJobLog } from './job-log.ts';
import { readProgress } from './job-progress.ts';
import { PrintScope } from './print-scope.ts';
import { asDaemon, runAs } from './prints.ts';

const INTERRUPTED: Outcome = { kind: 'interrupted', reason: 'the run was ended' };

/** What the runs of one runner have in common. */
export interface CallOptions {
  readonly settings: Readonly<Record<string, string>>;
  readonly killGraceMs: number;
  readonly log?: Log | undefined;
}

/**
 * Runs a job as a call in the daemon itself. Never rejects, and is over within `killGraceMs` of an abort; a function that
 * goes on regardless then cannot be ended, only forgotten. What a function throws on its own, outside of its promise,
 * cannot be caught here.
 */
export function callInDaemon(
  job: Job,
  context: RunContext,
  options: CallOptions,
  call: (context: JobContext) => unknown,
): Promise<Outcome> {
  if (context.signal.aborted) return Promise.resolve(INTERRUPTED);
  return new CallInDaemon(job, context, options).run(call);
}

class CallInDaemon {
  readonly #job: Job;
  readonly #context: RunContext;
  readonly #options: CallOptions;
  readonly #scope: PrintScope;
  readonly #ended = Promise.withResolvers<Outcome>();
  /** Of its own: what listens to it runs, and prints, as the job, and does not outlive it on the daemon's. */
  readonly #controller = new AbortController();
  #grace: NodeJS.Timeout | undefined;

  constructor(job: Job, context: RunContext, options: CallOptions) {
    this.#job = job;
    this.#context = context;
    this.#options = options;
    this.#scope = new PrintScope(
      (lines) => asDaemon(() => lines.forEach((line) => context.output(line))),
      (lines) => asDaemon(() => lines.forEach((line) => options.log?.('info', line, { job: job.id }))),
    );
  }

  run(call: (context: JobContext) => unknown): Promise<Outcome> {
    setMaxListeners(0, this.#controller.signal);
    this.#context.signal.addEventListener('abort', this.#abort);
    void runAs(this.#scope, () => callFunction(() => call(this.#jobContext()))).then((end) => this.#end(end));
    return this.#ended.promise;
  }

  readonly #abort = (): void => {
    const { killGraceMs, log } = this.#options;
    this.#grace = setTimeout(() => {
      const after = formatDuration(killGraceMs);
      log?.('warn', `a job ignored its abort signal for ${after}: it runs on inside the daemon, unheard`, {
        job: this.#job.id,
      });
      this.#finish(INTERRUPTED);
    }, killGraceMs);
    runAs(this.#scope, () => this.#controller.abort());
  };

  #end(end: JobEnd): void {
    if (!this.#scope.hasEnded) this.#finish(outcomeOfEnd(end, this.#options.log));
  }

  #finish(outcome: Outcome): void {
    this.#context.signal.removeEventListener('abort', this.#abort);
    clearTimeout(this.#grace);
    this.#scope.end();
    this.#ended.resolve(outcome);
  }

  /** Without accessors, which would cost more than all else here. */
  #jobContext(): JobContext {
    const context = this.#context;
    const scope = this.#scope;
    return {
      settings: this.#options.settings,
      signal: this.#controller.signal,
      // A module in plain JavaScript may hand over anything.
      output: (line: unknown) => scope.print(String(line)),
      progress: (percent: unknown, message: unknown) => {
        const progress = scope.hasEnded ? undefined : readProgress(percent, message);
        if (progress !== undefined) asDaemon(() => context.progress(progress.percent, progress.message));
      },
      log: makeJobLog(writeToDaemon(this.#options.log, { job: this.#job.id })),
    };
  }
}
