import type { Job } from '../../job/job.ts';
import type { Outcome } from '../../job/outcome.ts';
import { type RunContext, RunnerError } from '../../job/runner.ts';
import { StdioFolder } from '../child/stdio-folder.ts';
import { Launcher } from '../limits/launcher.ts';
import { Coprocess } from './coprocess.ts';
import type { CoprocessEnd } from './coprocess-end.ts';
import type { CoprocessOptions } from './coprocess-options.ts';
import { Seats } from './seats.ts';
import type { Workshop } from './started-program.ts';
import { waitFor } from './wait-for.ts';

/** For each process that works there may be one that takes its time to end, or to start. */
const ALIVE_PER_SEAT = 2;

/**
 * Processes that live on from job to job, each with one job at a time. They are started when they are missed, so a
 * program that ends at once cannot make us spin.
 *
 * A process that ends under a job before it has read anything of it leaves that unharmed: another process works it, or,
 * if not even the first job of a process is read, the program is at fault, and the job goes back.
 */
export class CoprocessPool {
  readonly #options: CoprocessOptions;
  readonly #settings: string;
  readonly #size: number;
  readonly #seats: Seats;
  readonly #folder = new StdioFolder();
  readonly #alive = new Set<Coprocess>();
  readonly #starting = new Set<Promise<unknown>>();
  /** Those whose job has been given up meanwhile: for the next one. */
  readonly #deserted = new Set<Promise<Coprocess | Problem>>();
  #nextEnd = Promise.withResolvers<true>();
  #idle: Coprocess[] = [];
  #workshop: Workshop | undefined;
  #isStopped = false;

  constructor(options: CoprocessOptions) {
    this.#options = options;
    this.#settings = JSON.stringify(options.settings);
    this.#size = Math.max(1, options.size);
    this.#seats = new Seats(this.#size);
  }

  /** Throws RunnerError when a process cannot be started, or says that it cannot work. */
  async start(): Promise<void> {
    const options = this.#options;
    const launcher = await Launcher.open(options.limits, options.log);
    await this.#folder.open(launcher.owner);
    this.#workshop = { options, launcher, folder: this.#folder };
    const process = await this.#open();
    if ('problem' in process) {
      await this.stop();
      throw new RunnerError(process.problem);
    }
    this.#keep(process);
  }

  /** Never rejects. */
  async run(job: Job, context: RunContext): Promise<Outcome> {
    if (!(await this.#seats.take(context.signal))) return interrupted();
    try {
      return await this.#work(job, context);
    } finally {
      this.#seats.giveBack();
    }
  }

  /** Lets the processes end by themselves, if they do so within a second; then ends them. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#starting);
    await Promise.all([...this.#alive].map((process) => process.close()));
    await this.#folder.close();
  }

  async #work(job: Job, context: RunContext): Promise<Outcome> {
    for (;;) {
      const process = this.#takeIdle() ?? (await this.#takeNew(context));
      if (process === undefined) return interrupted();
      if ('problem' in process) return unavailable(process.problem);
      if (context.signal.aborted) {
        this.#keep(process);
        return interrupted();
      }
      const performance = await process.perform(job, context);
      if (performance.kind === 'ended') {
        this.#keep(process);
        return performance.outcome;
      }
      if (context.signal.aborted) return interrupted();
      if (performance.kind === 'lost') return performance.failure;
      if (process.jobs === 0) return unavailable(performance.failure.message);
    }
  }

  #takeIdle(): Coprocess | undefined {
    for (let process = this.#idle.pop(); process !== undefined; process = this.#idle.pop()) {
      if (process.isUsable) return process;
    }
    return undefined;
  }

  #keep(process: Coprocess): void {
    const { maxJobs } = this.#options;
    if (!process.isUsable) return;
    const isWorn = maxJobs > 0 && process.jobs >= maxJobs;
    if (this.#isStopped || isWorn || this.#idle.length >= this.#size) void process.close();
    else this.#idle.push(process);
  }

  /** A process that has to be started first, or a place for one. Undefined when the run aborts meanwhile. */
  async #takeNew(context: RunContext): Promise<Coprocess | Problem | undefined> {
    for (;;) {
      const [deserted] = this.#deserted;
      const opening = deserted ?? (this.#hasRoom() ? this.#open() : undefined);
      if (opening !== undefined) {
        this.#deserted.delete(opening);
        const opened = await waitFor(opening, context);
        if (opened === undefined) void this.#desert(opening);
        return opened;
      }
      if ((await waitFor(this.#nextEnd.promise, context)) === undefined) return undefined;
      const idle = this.#takeIdle();
      if (idle !== undefined) return idle;
    }
  }

  #hasRoom(): boolean {
    return this.#alive.size + this.#starting.size < ALIVE_PER_SEAT * this.#size;
  }

  /** For the next job; once it is ready, for any. */
  async #desert(opening: Promise<Coprocess | Problem>): Promise<void> {
    this.#deserted.add(opening);
    const process = await opening;
    if (this.#deserted.delete(opening) && !('problem' in process)) this.#keep(process);
  }

  async #open(): Promise<Coprocess | Problem> {
    const starting = this.#start();
    this.#starting.add(starting);
    const process = await starting;
    this.#starting.delete(starting);
    if ('problem' in process) return process;
    const readiness = await process.readiness;
    return readiness === 'ready' ? process : readiness;
  }

  async #start(): Promise<Coprocess | Problem> {
    if (this.#workshop === undefined || this.#isStopped)
      return { problem: 'the runner has not been started' };
    const process = await Coprocess.start(this.#workshop, this.#settings);
    if ('kind' in process) return { problem: `could not be started: ${process.message}` };
    this.#alive.add(process);
    void process.ended.then((end) => this.#bury(process, end));
    return process;
  }

  #bury(process: Coprocess, end: CoprocessEnd): void {
    this.#alive.delete(process);
    this.#idle = this.#idle.filter((other) => other !== process);
    this.#nextEnd.resolve(true);
    this.#nextEnd = Promise.withResolvers();
    if (!end.wasIdle || end.isAsked) return;
    const isOrderly = end.exit?.kind === 'exited' && end.exit.code === 0;
    const reason = end.failure.message;
    this.#options.log?.(isOrderly ? 'debug' : 'warn', 'a coprocess ended while it had no job', { reason });
  }
}

interface Problem {
  readonly problem: string;
}

function interrupted(): Outcome {
  return { kind: 'interrupted', reason: 'the run was ended' };
}

function unavailable(reason: string): Outcome {
  return { kind: 'unavailable', reason };
}
