import type { Broker } from '../broker/broker.ts';
import type { Config } from '../config/config.ts';
import type { Runner } from '../job/runner.ts';
import type { Journal } from '../journal/journal.ts';
import type { Speech } from '../worker/conversation.ts';
import { Slots } from '../worker/slots.ts';
import { Worker, type WorkerOptions } from '../worker/worker.ts';
import type { Equipment } from '../worker/workplace.ts';
import { policyOf } from './policy-of.ts';
import type { QueueFacts } from './queue-facts.ts';
import { Retirement } from './retirement.ts';

/** Where the messages of a queue come from, and what is said of them through what. */
export interface Way {
  readonly broker: Broker;
  readonly journal: Journal;
  readonly speechOf: (config: Config) => Speech;
}

export interface CrewOptions extends Pick<WorkerOptions, 'events' | 'mask' | 'admit' | 'comesAgainMs'> {
  readonly facts: QueueFacts;
  /** For a queue that is worked for the first time. */
  readonly wayOf: (queue: string, config: Config) => Way;
  /** A queue that was removed is left for good: nothing of it is in hand any more. */
  readonly onLeft: (queue: string, way: Way) => void;
}

/**
 * All who work, as the configuration has it at the moment. A change of it takes effect at once and as a whole; what is in
 * hand is worked to its end with what it came for.
 */
export class Crew {
  /** One for each mapped queue, in the order of `queue-mappings`; always this array. */
  readonly workers: Worker[] = [];
  /** Of queues that were removed, as long as something of them is in hand; always this array. */
  readonly leaving: Worker[] = [];
  readonly #options: CrewOptions;
  readonly #ways = new Map<Worker, Way>();
  /** By name of their runner, also of one that was removed: jobs may still have some. */
  readonly #slots = new Map<string, Slots>();
  readonly #suspects = new Slots(1);
  readonly #retirement = new Retirement();
  #runners: ReadonlyMap<string, Runner> = new Map();
  #config: Config | undefined;
  #isStarted = false;
  #isSuspended = false;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Those of the mapped queues, by name. */
  get runners(): ReadonlyMap<string, Runner> {
    return this.#runners;
  }

  start(): void {
    this.#isStarted = true;
    for (const worker of this.workers) worker.start();
  }

  /** While nothing can be written to the journal, nothing new is taken, not by those who come meanwhile either. */
  suspend(): void {
    this.#isSuspended = true;
    for (const worker of this.#all()) worker.hold('journal');
  }

  resume(): void {
    this.#isSuspended = false;
    for (const worker of this.#all()) worker.release('journal');
  }

  /** How the messages of a queue come that is worked here, or was until now; undefined for any other. */
  wayOf(queue: string): Way | undefined {
    const worker = this.#all().find((one) => one.queue === queue);
    return worker === undefined ? undefined : this.#ways.get(worker);
  }

  /** Works by this configuration from now on. `started` are the runners that are new or others now, ready to run. */
  change(config: Config, started: ReadonlyMap<string, Runner>): void {
    const changed = this.#options.facts.change(config);
    const before = this.#runners;
    const was = this.#config;
    const names = new Set(config.mappings.values());
    this.#runners = new Map(
      [...names].map((name) => [name, present(started.get(name) ?? before.get(name), name)]),
    );
    this.#config = config;
    for (const name of names) this.#resizeSlots(name, present(config.runners.get(name), name).concurrency);

    for (const worker of this.workers) if (!config.mappings.has(worker.queue)) void this.#dismiss(worker);
    const workers = [...config.mappings].map(([queue, name]) =>
      this.#assign(queue, name, config, changed.has(queue)),
    );
    this.workers.splice(0, Infinity, ...workers);

    const current = new Set(this.#runners.values());
    for (const [name, runner] of before)
      if (!current.has(runner)) {
        const { killGraceMs } = present(was?.runners.get(name), name);
        void this.#retirement.begin(runner, this.#all(), killGraceMs);
      }
  }

  /** The longest `kill-grace` of all runners that are there, also of those that were replaced and have jobs. */
  get killGraceMs(): number {
    const current = [...this.#runners.keys()].map((name) => present(this.#config?.runners.get(name), name));
    return Math.max(this.#retirement.killGraceMs, ...current.map(({ killGraceMs }) => killGraceMs));
  }

  /** Stops all runners, also those that were replaced and have jobs. */
  async stopRunners(): Promise<void> {
    await this.#retirement.stop(this.#runners.values());
  }

  #all(): Worker[] {
    return [...this.workers, ...this.leaving];
  }

  #resizeSlots(name: string, concurrency: number): void {
    const slots = this.#slots.get(name);
    if (slots === undefined) this.#slots.set(name, new Slots(concurrency));
    else slots.resize(concurrency);
  }

  /** The worker of a queue, with what it works with now. */
  #assign(queue: string, name: string, config: Config, isOtherQueue: boolean): Worker {
    const working = this.workers.find((one) => one.queue === queue);
    const left = this.leaving.findIndex((one) => one.queue === queue);
    const [worker] = working === undefined && left !== -1 ? this.leaving.splice(left, 1) : [working];
    if (worker === undefined) return this.#hire(queue, name, config);
    const equipment = this.#equipment(name, present(this.#ways.get(worker), queue), config);
    if (worker === working) worker.equip(equipment, isOtherQueue);
    else worker.takeOn(equipment);
    return worker;
  }

  #hire(queue: string, name: string, config: Config): Worker {
    const way = this.#options.wayOf(queue, config);
    const { broker, journal } = way;
    const equipment = this.#equipment(name, way, config);
    const parts = { ...this.#options, suspects: this.#suspects, broker, journal };
    const worker = new Worker({ ...parts, queue, ...equipment });
    this.#ways.set(worker, way);
    if (this.#isSuspended) worker.hold('journal');
    if (this.#isStarted) worker.start();
    return worker;
  }

  #equipment(name: string, way: Way, config: Config): Equipment {
    return {
      runner: present(this.#runners.get(name), name),
      policy: policyOf(present(config.runners.get(name), name)),
      slots: present(this.#slots.get(name), name),
      speech: way.speechOf(config),
    };
  }

  async #dismiss(worker: Worker): Promise<void> {
    this.leaving.push(worker);
    await worker.leave();
    // It may have been taken on again meanwhile.
    const index = this.leaving.indexOf(worker);
    if (index === -1 || worker.intake.state !== 'leaving') return;
    this.leaving.splice(index, 1);
    const way = present(this.#ways.get(worker), worker.queue);
    this.#ways.delete(worker);
    this.#options.facts.forget(worker.queue);
    await worker.stopIntake();
    this.#options.onLeft(worker.queue, way);
  }
}

/** The configuration was validated, so a mapping without its runner is a bug, never a user's mistake. */
function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is mapped but was not made`);
  return value;
}
