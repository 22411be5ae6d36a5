import { setMaxListeners } from 'node:events';
import type { Broker, Consumer, Delivery } from '../broker/broker.ts';
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

/** So soon after a queue is opened again all is there that the broker knows to be nobody's. */
const SETTLED_DOWN_MS = 1_000;
/** How long a question to the broker about a lost message may take. */
const LOOK_LIMIT_MS = 10_000;
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
  /** Nothing new is taken for a reason that is not the runner's, whatever the state. */
  #isSuspended = false;
  #openedAtMs = 0;

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
      if (queue === this.queue) this.#awaitTheLost();
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
    if (this.#isSuspended) void this.#consumer.pause();
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

  /**
   * What was lost to us comes again as soon as its queue is consumed again, or when the broker has missed us on our last
   * connection; or it goes to another host, or is gone.
   */
  #awaitTheLost(): void {
    const openedAtMs = Date.now();
    this.#openedAtMs = openedAtMs;
    const after = (ms: number, look: () => Promise<void>): void => {
      setTimeout(() => {
        if (this.#openedAtMs === openedAtMs && this.#consumer?.state === 'consuming') void look();
      }, ms).unref();
    };
    // A broker that was restarted has forgotten what is not persistent; and who drains has the others without a consumer.
    after(SETTLED_DOWN_MS, async () => {
      const isTransient = ({ message }: Delivery): boolean => message.properties.persistent !== true;
      if (this.running.hasLost(isTransient) && (await this.#isAlone()))
        this.running.giveUpTheLost('gone', isTransient);
    });
    after(this.#options.comesAgainMs, async () => {
      await this.#answerForTheGone(openedAtMs);
      this.running.giveUpTheLost('elsewhere');
      this.#options.journal.expire(this.queue, openedAtMs);
    });
  }

  /** Nobody has the messages that were lost to us: what their requesters have not heard, nobody else will tell them. */
  async #answerForTheGone(openedAtMs: number): Promise<void> {
    const { journal, speech } = this.#options;
    const isAsked = this.running.hasLost() || journal.hasUnanswered(this.queue);
    if (!isAsked || !(await this.#isAlone())) return;
    this.running.giveUpTheLost('gone');
    for (const { reply, forget } of journal.unanswered(this.queue, openedAtMs))
      void speech.relay.send(reply).then(({ kind }) => (kind === 'lost' ? undefined : forget()));
  }

  async #isAlone(): Promise<boolean> {
    const { broker } = this.#options;
    try {
      const signal = AbortSignal.any([this.#draining.signal, AbortSignal.timeout(LOOK_LIMIT_MS)]);
      const [waiting, consumers] = [
        await broker.count(this.queue, signal),
        await broker.countConsumers(this.queue, signal),
      ];
      return waiting === 0 && consumers === 1;
    } catch {
      return false;
    }
  }

  /** Takes nothing new until `resume`; what is in hand goes on. */
  async suspend(): Promise<void> {
    if (this.#isSuspended) return;
    this.#isSuspended = true;
    if (this.#state !== 'paused') await this.#consumer?.pause();
  }

  resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    if (this.#state === 'working') this.#consumer?.resume();
    if (this.#state === 'probing') this.#consumer?.resume(1);
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
    if (!this.#isSuspended) this.#consumer?.resume(1);
  }

  async #resumeWorking(): Promise<void> {
    this.#state = 'working';
    this.#probeInMs = FIRST_PROBE_MS;
    this.#options.events.emit('queue:resumed', { queue: this.queue });
    if (this.#options.policy.concurrency === 1) return;
    await this.#consumer?.pause();
    if (!this.#isSuspended) this.#consumer?.resume();
  }
}
