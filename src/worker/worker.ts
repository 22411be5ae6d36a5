import { setMaxListeners } from 'node:events';
import type { Broker, Consumer } from '../broker/broker.ts';
import type { Outcome } from '../job/outcome.ts';
import { perform } from './perform.ts';
import { RunningJobs } from './running.ts';
import type { Workplace } from './workplace.ts';

/*
 * Works one queue: whatever is delivered starts at once, since prefetch is the runner's concurrency.
 *
 *   working   jobs come
 *   paused    the runner could not be started: nothing comes, until the timer ends
 *   probing   one job at a time comes; if the runner can be started again: working, else: paused, for longer
 *   stopped   nothing comes any more; what came is worked to its end
 */
type State = 'working' | 'paused' | 'probing' | 'stopped';

/** What was lost to us comes again as soon as the queue is consumed again, or goes to another host. */
const COMES_AGAIN_MS = 30_000;
const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = 60_000;

export type WorkerOptions = Omit<Workplace, 'running' | 'draining' | 'stopping' | 'onOutcome'> & {
  readonly queue: string;
  readonly broker: Broker;
};

/** Life: `start` once, then `stopIntake`, then `abort` for what still runs; `idle` tells when all is settled. */
export class Worker {
  readonly queue: string;
  readonly running: RunningJobs;
  readonly #options: WorkerOptions;
  readonly #workplace: Workplace;
  readonly #draining = new AbortController();
  readonly #stopping = new AbortController();
  readonly #performing = new Set<Promise<void>>();
  #state: State = 'working';
  #consumer: Consumer | undefined;
  #probeTimer: NodeJS.Timeout | undefined;
  #probeInMs = FIRST_PROBE_MS;
  #probingSince = 0;

  constructor(options: WorkerOptions) {
    this.queue = options.queue;
    this.running = new RunningJobs(options.events);
    this.#options = options;
    // One listener for each running job.
    setMaxListeners(0, this.#draining.signal, this.#stopping.signal);
    this.#workplace = {
      ...options,
      running: this.running,
      draining: this.#draining.signal,
      stopping: this.#stopping.signal,
      onOutcome: (outcome, since) => this.#watch(outcome, since),
    };
    options.broker.events.on('consumer:open', ({ queue }) => {
      if (queue === this.queue) this.#expireRecords();
    });
  }

  start(): void {
    this.#consumer = this.#options.broker.consume(this.queue, {
      prefetch: this.#options.policy.concurrency,
      onDelivery: (delivery) => {
        const performing = perform(delivery, this.#workplace).finally(() =>
          this.#performing.delete(performing),
        );
        this.#performing.add(performing);
      },
    });
  }

  /** Resolves when nothing new will come. */
  async stopIntake(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#probeTimer);
    this.#draining.abort();
    await this.#consumer?.stop();
  }

  /** Ends the jobs that still run; their messages go back, uncounted. */
  abort(): void {
    this.#stopping.abort();
  }

  /** Resolves when no message is in its hands any more. */
  async idle(): Promise<void> {
    while (this.#performing.size > 0) await Promise.all(this.#performing);
  }

  #expireRecords(): void {
    const openedAtMs = Date.now();
    setTimeout(() => this.#options.journal.expire(this.queue, openedAtMs), COMES_AGAIN_MS).unref();
  }

  async #watch(outcome: Outcome, since: number): Promise<void> {
    if (this.#state === 'stopped') return;
    if (outcome.kind === 'unavailable') await this.#pause(outcome.reason);
    // A job that began before the pause says nothing about whether one can be begun now.
    else if (this.#state === 'probing' && outcome.kind !== 'interrupted' && since >= this.#probingSince)
      await this.#resume();
  }

  /** Stops the intake before the message goes back, or it would come again at once. */
  async #pause(reason: string): Promise<void> {
    if (this.#state === 'paused') return;
    const retryInMs = this.#probeInMs;
    this.#probeInMs = Math.min(retryInMs * 2, LONGEST_PROBE_MS);
    this.#state = 'paused';
    const { queue } = this;
    this.#options.events.emit('queue:paused', {
      queue,
      runner: this.#options.runner.name,
      reason,
      retryInMs,
    });
    this.#probeTimer = setTimeout(() => this.#probe(), retryInMs);
    await this.#consumer?.pause();
  }

  #probe(): void {
    this.#state = 'probing';
    this.#probingSince = Date.now();
    this.#options.events.emit('queue:probing', { queue: this.queue });
    this.#consumer?.resume(1);
  }

  async #resume(): Promise<void> {
    this.#state = 'working';
    this.#probeInMs = FIRST_PROBE_MS;
    this.#options.events.emit('queue:resumed', { queue: this.queue });
    if (this.#options.policy.concurrency === 1) return;
    await this.#consumer?.pause();
    this.#consumer?.resume();
  }
}
