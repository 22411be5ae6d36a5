import { availableParallelism } from 'node:os';
import { spawnChild, type StartChild } from '../child/start.ts';
import { findTool } from '../limits/tool.ts';
import type { Log } from '../options.ts';
import { Starter, type StarterListener } from './starter.ts';

/** Jobs that are over sooner are started faster by waiting for a starter than by forks of the daemon. */
const WAIT_MS = 200;
/**
 * When that was in vain, nobody waits for as long as there has been no starter for anybody: long where the jobs are long, and
 * not where something else held them up. This is the most.
 */
const LONGEST_NO_WAIT_MS = 10_000;
/** How long no starter is made when one could not be. */
const NO_STARTER_MS = 10_000;
const LEAST_STARTERS = 8;
const LOOK_EVERY_MS = 10_000;

export interface StarterPoolOptions {
  /** How many programs may run at once. */
  readonly concurrency: number;
  readonly log?: Log | undefined;
  /** The program of that name; by default that of the system, if there is one. */
  readonly python?: string | undefined;
  /** How often it is looked which starters are of no use any more. */
  readonly lookEveryMs?: number;
}

/**
 * Starts programs by starters, of which there are as many as have been of use within the last minute. The daemon itself
 * starts what is more than they can take, and everything where there can be no starter.
 */
export class StarterPool {
  readonly #size: number;
  readonly #options: StarterPoolOptions;
  readonly #all = new Set<Starter>();
  /** The last one is used first, so that it shows which are not needed. */
  readonly #ready: Starter[] = [];
  readonly #waiting = new Set<(starter: Starter) => void>();
  readonly #listener: StarterListener;
  #python: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When one was given something last. */
  #takenAt: number | undefined;
  #noWaitUntil = 0;
  #noStarterUntil = 0;
  #isProblemKnown = false;

  constructor(options: StarterPoolOptions) {
    this.#options = options;
    this.#size = Math.min(options.concurrency, Math.max(LEAST_STARTERS, 2 * availableParallelism()));
    this.#listener = {
      onReady: (starter) => this.#take(starter),
      onOver: (starter, problem) => this.#remove(starter, problem),
    };
  }

  /** Until then, and where there is no python3(1), the daemon starts all programs itself. */
  open(): void {
    this.#python = this.#options.python ?? findTool('python3');
    if (this.#python === undefined) return this.#explain('there is no python3(1)');
    this.#timer = setInterval(() => this.#look(), this.#options.lookEveryMs ?? LOOK_EVERY_MS).unref();
  }

  readonly start: StartChild = async (command, folder) => {
    const starter = this.#ready.pop() ?? (await this.#next());
    if (starter !== undefined) this.#takenAt = performance.now();
    return (await starter?.start(command, folder)) ?? spawnChild(command, folder);
  };

  /** To be called when no program runs any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#python = undefined;
    await Promise.all([...this.#all].map((starter) => starter.end()));
  }

  async #next(): Promise<Starter | undefined> {
    const now = performance.now();
    if (now >= this.#noStarterUntil) this.#grow();
    if (this.#all.size === 0 || this.#takenAt === undefined || now < this.#noWaitUntil) return undefined;
    return new Promise((resolve) => {
      const take = (starter?: Starter): void => {
        clearTimeout(timer);
        this.#waiting.delete(take);
        if (starter === undefined) this.#waitLater();
        resolve(starter);
      };
      // When the loop has stood still, the news of one that is ready is only read after this.
      const timer = setTimeout(() => setImmediate(() => this.#waiting.has(take) && take()), WAIT_MS);
      this.#waiting.add(take);
    });
  }

  #waitLater(): void {
    const now = performance.now();
    this.#noWaitUntil = now + Math.min(now - (this.#takenAt ?? now), LONGEST_NO_WAIT_MS);
  }

  /** By one, if there will not be one soon for each of those who wait. */
  #grow(): void {
    const soon = [...this.#all].filter(({ isBusy }) => !isBusy).length;
    if (this.#python === undefined || this.#all.size >= this.#size || soon > this.#waiting.size) return;
    try {
      this.#all.add(new Starter(this.#python, this.#listener));
    } catch (error) {
      // Node throws some of the reasons (EPERM, ENOMEM), and tells the others later.
      this.#noStarterUntil = performance.now() + NO_STARTER_MS;
      this.#explain((error as Error).message);
    }
  }

  #take(starter: Starter): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#ready.push(starter);
    else next(starter);
  }

  #remove(starter: Starter, problem: string | undefined): void {
    this.#all.delete(starter);
    this.#retract(starter);
    if (problem === undefined || this.#python === undefined) return;
    this.#noStarterUntil = performance.now() + NO_STARTER_MS;
    this.#explain(problem);
  }

  #explain(problem: string): void {
    if (this.#isProblemKnown) return;
    this.#isProblemKnown = true;
    this.#options.log?.(
      'info',
      `no warm start: ${problem}; the daemon starts jobs itself, and stands still meanwhile`,
    );
  }

  /** Ends those that are not needed, and those that have not noticed the end of their program. */
  #look(): void {
    for (const starter of this.#all) {
      if (!starter.isOfNoUse()) continue;
      this.#retract(starter);
      void starter.end();
    }
  }

  #retract(starter: Starter): void {
    const place = this.#ready.indexOf(starter);
    if (place !== -1) this.#ready.splice(place, 1);
  }
}
