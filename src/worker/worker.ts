import type { Broker, Consumer } from '../broker/broker.ts';
import type { Outcome } from '../job/outcome.ts';
import type { Runner } from '../job/runner.ts';
import { InHand } from './in-hand.ts';
import type { Holder, Intake } from './intake.ts';
import { watchForTheLost } from './lost-messages.ts';
import { ProbeClock } from './probe-clock.ts';
import { RunningJobs } from './running.ts';
import { Signals } from './signals.ts';
import type { Equipment, Workplace } from './workplace.ts';

/*
 * Works one queue: whatever is delivered starts at once, since prefetch is the runner's concurrency.
 *
 *   working   jobs come
 *   paused    the runner could not be started: nothing comes, until the timer ends
 *   probing   one job at a time comes; if the runner can be started again: working, else: paused, for longer
 *   leaving   the queue is worked here no more: nothing comes, what came is worked to its end; unless it is taken on again
 *   stopped   nothing comes any more, for good; what came is worked to its end
 *
 * Each delivery is worked to its end with what the worker was equipped with when it came.
 */
type State = 'working' | 'paused' | 'probing' | 'leaving' | 'stopped';

/** Why a job goes back that has not begun. */
const LEFT = 'its queue is not worked here any more';

export type WorkerOptions = Omit<Workplace, 'running' | 'draining' | 'closing' | 'onOutcome'> & {
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
  #workplace: Workplace;
  readonly #signals = new Signals();
  readonly #inHand = new InHand();
  readonly #watchForTheLost: AbortController;
  #state: State = 'working';
  #consumer: Consumer | undefined;
  readonly #probeClock = new ProbeClock();
  /** Why the runner could not be started. */
  #fault = '';
  readonly #holders = new Set<Holder>();

  constructor(options: WorkerOptions) {
    this.queue = options.queue;
    this.running = new RunningJobs(options.events);
    this.#options = options;
    this.#workplace = this.#workplaceWith(options);
    this.#watchForTheLost = watchForTheLost({
      ...options,
      running: this.running,
      isConsuming: () => this.#consumer?.state === 'consuming',
    });
  }

  start(): void {
    this.#consumer = this.#options.broker.consume(this.queue, {
      prefetch: this.#workplace.policy.concurrency,
      onDelivery: (delivery) => this.#inHand.perform(delivery, this.#workplace),
    });
    if (!this.#isHeld) return;
    this.#declare();
    void this.#consumer.pause();
  }

  /**
   * Works what comes from now on with this; what is in hand is worked to its end with what it came for. `isOtherQueue`:
   * what is known of the queue has changed as well. A runner that could not be started, and is another now, is tried at once.
   */
  equip(equipment: Equipment, isOtherQueue: boolean): void {
    const { runner, policy } = this.#workplace;
    this.#workplace = this.#workplaceWith(equipment);
    const { concurrency } = equipment.policy;
    const isOtherRunner = equipment.runner !== runner;
    const isRenewed = isOtherQueue || concurrency !== policy.concurrency;
    if (isOtherRunner) this.#probeClock.reset();
    // Where one job may run at a time, each that comes probes: nothing has to be stopped for it, and its order stays.
    const isProbedAnew = this.#state === 'probing' && (isOtherRunner || isRenewed) && concurrency > 1;
    if (isProbedAnew) void this.#consumer?.pause();
    if (isOtherQueue) this.#declare();
    if (isRenewed) this.#consumer?.renew(concurrency);
    if (isProbedAnew || (isOtherRunner && this.#state === 'paused')) this.#probe();
  }

  /**
   * Takes nothing new, and puts back what has not begun; resolves when nothing is in hand. An operator's hold ends. Then
   * comes `stopIntake`; or `takeOn`, which may come sooner.
   */
  async leave(): Promise<void> {
    this.#state = 'leaving';
    this.#probeClock.stop();
    this.#holders.delete('operator');
    this.#signals.drain(LEFT);
    void this.#consumer?.pause();
    await this.idle();
  }

  /** Works its queue again, which it was about to leave: what is still in hand goes on, and is joined if it comes again. */
  takeOn(equipment: Equipment): void {
    this.#signals.endDrain();
    this.#workplace = this.#workplaceWith(equipment);
    this.#state = 'working';
    this.#probeClock.reset();
    this.#declare();
    this.#consumer?.renew(equipment.policy.concurrency);
    if (!this.#isHeld) this.#consumer?.resume();
  }

  /** Resolves when nothing is in hand that came for this runner. */
  async finishedWith(runner: Runner): Promise<void> {
    await this.#inHand.without(runner);
  }

  /** Name of the `[runner:NAME]` section that its jobs go to. */
  get runner(): string {
    return this.#workplace.runner.name;
  }

  get intake(): Intake {
    if (this.#state === 'stopped' || this.#state === 'leaving') return { state: this.#state };
    const holder = (['operator', 'journal'] as const).find((one) => this.#holders.has(one));
    if (holder !== undefined) return { state: 'paused', by: holder };
    if (this.#state !== 'working') return { state: this.#state, by: 'runner', reason: this.#fault };
    return { state: this.#consumer?.state === 'consuming' ? 'consuming' : 'not-consumed' };
  }

  /** Resolves when nothing new will come. */
  async stopIntake(): Promise<void> {
    this.#state = 'stopped';
    this.#probeClock.stop();
    this.#signals.drain();
    this.#signals.close();
    this.#watchForTheLost.abort();
    await this.#consumer?.stop();
  }

  /** Resolves when all that the broker has handed out to it is in its hands. */
  async caughtUp(): Promise<void> {
    await this.#consumer?.caughtUp();
  }

  /** Ends the jobs that still run; their messages go back, uncounted. */
  abort(): void {
    this.running.stop();
  }

  /** Resolves when no message is in its hands any more. */
  async idle(): Promise<void> {
    await this.#inHand.empty();
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
    else if (wasHeld && this.#state === 'probing') this.#resumeProbing();
    return wasHeld || isProbe;
  }

  get #isHeld(): boolean {
    return this.#holders.size > 0;
  }

  #workplaceWith(equipment: Equipment): Workplace {
    return {
      ...this.#options,
      ...equipment,
      running: this.running,
      ...this.#signals.current,
      onOutcome: (outcome, since) => this.#watch(outcome, since, equipment.runner),
    };
  }

  /** At once, also while it is paused or has no room: what is sent by a new binding must not miss the queue. */
  #declare(): void {
    // What keeps it from being declared is said when it is consumed.
    this.#options.broker.prepare(this.queue, this.#signals.current.closing).catch(() => {});
  }

  async #watch(outcome: Outcome, since: number, runner: Runner): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'leaving') return;
    // A runner that was replaced says nothing about the one that is here now.
    if (runner !== this.#workplace.runner) return;
    if (outcome.kind === 'unavailable') await this.#pause(outcome.reason);
    else if (this.#state !== 'probing' || outcome.kind === 'interrupted') return;
    else if (this.#probeClock.isTriedBy(since)) await this.#resumeWorking();
  }

  /** Stops the intake before the message goes back, or it would come again at once. */
  async #pause(reason: string): Promise<void> {
    if (this.#state === 'paused') return;
    const retryInMs = this.#probeClock.set(() => this.#probe());
    this.#state = 'paused';
    this.#fault = this.#options.mask(reason);
    const { queue, runner } = this;
    this.#options.events.emit('queue:paused', { queue, runner, reason, retryInMs });
    await this.#consumer?.pause();
  }

  /** While it is held, it stays paused: whoever releases it begins the probe. */
  #probe(): void {
    this.#probeClock.stop();
    if (this.#isHeld) return;
    this.#state = 'probing';
    this.#probeClock.begin();
    this.#options.events.emit('queue:probing', { queue: this.queue });
    this.#resumeProbing();
  }

  /** One more, whatever has come before; unless that is as much as there may be: then the next one comes in its turn. */
  #resumeProbing(): void {
    const isFull = this.running.count >= this.#workplace.policy.concurrency;
    this.#consumer?.resume(isFull ? undefined : 1);
  }

  async #resumeWorking(): Promise<void> {
    this.#state = 'working';
    this.#probeClock.reset();
    this.#options.events.emit('queue:resumed', { queue: this.queue });
    if (this.#workplace.policy.concurrency === 1) return;
    await this.#consumer?.pause();
    // Meanwhile another job may have shown that the runner cannot be started after all.
    if (this.intake.state === 'not-consumed') this.#consumer?.resume();
  }
}
