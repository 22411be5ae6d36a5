import type { Job } from '../../job/job.ts';
import { type Outcome, crashed } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import { PooledThread } from './pooled-thread.ts';
import type { Performance } from './running-jobs.ts';
import type { ThreadOptions } from './thread-options.ts';

/** More than there are jobs at once, as a rule; who is forgotten is found out once more. */
const MOST_SUSPECTS = 1_000;

/**
 * Warm threads that share the jobs of one module runner.
 *
 * When a thread dies, the job that is to blame has crashed and its neighbours are put back, uncounted. When nobody
 * can tell which of several it was (out of memory, an error outside any job), each of them is run once more here, one after
 * the other, alone in a thread of its own: the one that ends that thread, too, has crashed, and counts; the
 * others end as they would have. So nothing is lost, and a job that kills threads never goes round uncounted.
 *
 * When a thread does not turn any more, and nobody can tell who blocks it, or the one who does is not due, they are put back,
 * and have a thread of their own the next time: who is late there is late by its own doing.
 */
export class ThreadPool {
  readonly #size: number;
  readonly #options: ThreadOptions;
  #threads: PooledThread[] = [];
  /** Those, those that are ending, and those for one job alone. */
  readonly #alive = new Set<PooledThread>();
  #solitary: Promise<void> = Promise.resolve();
  /** Ids of jobs. */
  readonly #suspects = new Set<string>();

  constructor(size: number, options: ThreadOptions) {
    this.#size = size;
    this.#options = options;
  }

  /** Starts all threads and loads the module in each. Rejects with RunnerError when that fails. */
  async start(): Promise<void> {
    const started = Array.from({ length: this.#size }, () => this.#open());
    try {
      await Promise.all(started.map((thread) => thread.loaded));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Runs a job on the thread that has the fewest. Never rejects. */
  async run(job: Job, context: RunContext): Promise<Outcome> {
    if (context.signal.aborted) return interrupted('the run was ended');
    if (this.#suspects.delete(job.id)) return this.#runInOwnThread(job, context);
    const performance = await this.#choose().perform(job, context);
    if (performance.kind === 'lost') {
      if (performance.blame === 'unknown' && !context.signal.aborted) return this.#runInTurn(job, context);
      if (performance.blame === 'suspect') this.#suspect(job.id);
    }
    return outcomeOf(performance, context);
  }

  async stop(): Promise<void> {
    this.#threads = [];
    await Promise.all([...this.#alive].map((thread) => thread.end()));
  }

  /** One that died is replaced here, when it is missed, so that a module that dies at once cannot make us spin. */
  #choose(): PooledThread {
    this.#threads = this.#threads.filter((thread) => thread.isUsable);
    const [first, ...others] = this.#threads;
    const leastLoaded = others.reduce(
      (best, thread) => (best && thread.load >= best.load ? best : thread),
      first,
    );
    if (leastLoaded === undefined) return this.#open();
    return leastLoaded.load > 0 && this.#threads.length < this.#size ? this.#open() : leastLoaded;
  }

  #open(): PooledThread {
    const thread = this.#openAlone();
    this.#threads.push(thread);
    return thread;
  }

  #openAlone(): PooledThread {
    const thread = new PooledThread(this.#options);
    this.#alive.add(thread);
    void thread.ended.then(() => this.#alive.delete(thread));
    return thread;
  }

  #suspect(id: string): void {
    this.#suspects.add(id);
    const [oldest] = this.#suspects;
    if (this.#suspects.size > MOST_SUSPECTS && oldest !== undefined) this.#suspects.delete(oldest);
  }

  /** Alone, after the others that have to be. */
  async #runInTurn(job: Job, context: RunContext): Promise<Outcome> {
    const before = this.#solitary;
    const turn = Promise.withResolvers<void>();
    this.#solitary = before.then(() => turn.promise);
    try {
      await unlessAborted(before, context.signal);
      if (context.signal.aborted) return interrupted('the run was ended');
      return await this.#runInOwnThread(job, context);
    } finally {
      turn.resolve();
    }
  }

  async #runInOwnThread(job: Job, context: RunContext): Promise<Outcome> {
    const thread = this.#openAlone();
    const performance = await thread.perform(job, context);
    await thread.end();
    return outcomeOf(performance, context);
  }
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end);
    void promise.then(end);
  });
}

function outcomeOf(performance: Performance, context: RunContext): Outcome {
  if (performance.kind === 'ended') return performance.outcome;
  const { blame, reason, stack, isUnheard } = performance;
  const isInnocent = blame === 'neighbour' || blame === 'suspect';
  if (isInnocent && isUnheard) return { ...interrupted(`the job's thread ended: ${reason}`), isUnheard };
  if (context.signal.aborted) return interrupted('the run was ended');
  return blame === 'own' ? crashed(reason, stack) : interrupted(`the job's thread ended: ${reason}`);
}

function interrupted(reason: string) {
  return { kind: 'interrupted', reason } as const;
}
