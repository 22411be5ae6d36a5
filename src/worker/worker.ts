import { setMaxListeners } from 'node:events';
import type { Broker, Consumer } from '../broker/broker.ts';
import type { Outcome } from '../job/outcome.ts';
import { watchForTheLost } from './lost-messages.ts';
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

/** Who lets nothing new be taken, whatever the state: the journal while nothing can be written down, or an operator. */
export type Holder = 'journal' | 'operator';

/** Whether jobs come, and if not, who or what keeps them away. */
export type Intake =
  | { readonly state: 'consuming' | 'not-consumed' | 'stopped' }
  | { readonly state: 'paused'; readonly by: Holder }
  | { readonly state: 'paused' | 'probing'; readonly by: 'runner'; readonly reason: string };

const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = 60_000;

export type WorkerOptions = Omit<Workplace, 'running' | 'draining' | 'stopping' | 'onOutcome'> & {
  readonly queue: string;
  /** How long after its queue was opened again a message that was lost to us may come: until the broker has missed us. */
  readonly comesAgainMs: number;
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
  /** Why the runner could not be started. */
  #fault = '';
  readonly #holders = new Set<Holder>();

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
    watchForTheLost({
      ...options,
      running: this.running,
      draining: this.#draining.signal,
      isConsuming: () => this.#consumer?.state === 'consuming',
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
    if (this.#isHeld) void this.#consumer.pause();
  }

  /** Name of the `[runner:NAME]` section that its jobs go to. */
  get runner(): string {
    return this.#options.runner.name;
  }

  get intake(): Intake {
    if (this.#state === 'stopped') return { state: 'stopped' };
    const holder = (['operator', 'journal'] as const).find((one) => this.#holders.has(one));
    if (holder !== undefined) return { state: 'paused', by: holder };
    if (this.#state !== 'working') return { state: this.#state, by: 'runner', reason: this.#fault };
    return { state: this.#consumer?.state === 'consuming' ? 'consuming' : 'not-consumed' };
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

  /** Takes nothing new until that holder releases it; what is in hand goes on. False: it was held by that one already. */
  hold(holder: Holder): boolean {
    if (this.#holders.has(holder)) return false;
    const wasHeld = this.#isHeld;
    this.#holders.add(holder);
    if (!wasHeld && this.#state !== 'paused') void this.#consumer?.pause();
    if (holder === 'operator') this.#options.events.emit('queue:held', { queue: this.queue });
    return true;
  }

  /**
   * Goes on as far as nobody else holds it; a runner that could not be started is tried at once when an operator says so,
   * even if he held nothing. False: there was nothing to be done.
   */
  release(holder: Holder): boolean {
    const wasHeld = this.#holders.delete(holder);
    if (wasHeld && holder === 'operator') this.#options.events.emit('queue:released', { queue: this.queue });
    const isProbe = this.#state === 'paused' && (wasHeld || holder === 'operator');
    if (this.#isHeld) return wasHeld;
    if (isProbe) this.#probe();
    else if (wasHeld && this.#state === 'working') this.#consumer?.resume();
    else if (wasHeld && this.#state === 'probing') this.#consumer?.resume(1);
    return wasHeld || isProbe;
  }

  get #isHeld(): boolean {
    return this.#holders.size > 0;
  }

  async #watch(outcome: Outcome, since: number): Promise<void> {
    if (this.#state === 'stopped') return;
    if (outcome.kind === 'unavailable') await this.#pause(outcome.reason);
    // A job that began before the pause says nothing about whether one can be begun now.
    else if (this.#state === 'probing' && outcome.kind !== 'interrupted' && since >= this.#probingSince)
      await this.#resumeWorking();
  }

  /** Stops the intake before the message goes back, or it would come again at once. */
  async #pause(reason: string): Promise<void> {
    if (this.#state === 'paused') return;
    const retryInMs = this.#probeInMs;
    this.#probeInMs = Math.min(retryInMs * 2, LONGEST_PROBE_MS);
    this.#state = 'paused';
    this.#fault = this.#options.mask(reason);
    const { queue, runner } = this;
    this.#options.events.emit('queue:paused', { queue, runner, reason, retryInMs });
    this.#probeTimer = setTimeout(() => this.#probe(), retryInMs);
    await this.#consumer?.pause();
  }

  /** While it is held, it stays paused: whoever releases it begins the probe. */
  #probe(): void {
    clearTimeout(this.#probeTimer);
    if (this.#isHeld) return;
    this.#state = 'probing';
    this.#probingSince = Date.now();
    this.#options.events.emit('queue:probing', { queue: this.queue });
    this.#consumer?.resume(1);
  }

  async #resumeWorking(): Promise<void> {
    this.#state = 'working';
    this.#probeInMs = FIRST_PROBE_MS;
    this.#options.events.emit('queue:resumed', { queue: this.queue });
    if (this.#options.policy.concurrency === 1) return;
    await this.#consumer?.pause();
    // Meanwhile another job may have shown that the runner cannot be started after all.
    if (!this.#isHeld && this.#isWorking()) this.#consumer?.resume();
  }

  #isWorking(): boolean {
    return this.#state === 'working';
  }
}
