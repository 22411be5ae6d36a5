import type { Runner } from '../job/runner.ts';
import type { Worker } from '../worker/worker.ts';

/** Stops runners, each once: those that were replaced when the last job has ended that came for them. */
export class Retirement {
  /** With the `kill-grace` of each. */
  readonly #retiring = new Map<Runner, number>();
  readonly #stopped = new WeakMap<Runner, Promise<void>>();

  /** How long the slowest of them may take; 0 when there is none. */
  get killGraceMs(): number {
    return Math.max(0, ...this.#retiring.values());
  }

  /** Never rejects. */
  async begin(runner: Runner, workers: readonly Worker[], killGraceMs: number): Promise<void> {
    this.#retiring.set(runner, killGraceMs);
    await Promise.all(workers.map((worker) => worker.finishedWith(runner)));
    await this.#stop(runner).catch(() => {});
    this.#retiring.delete(runner);
  }

  /** Stops these now, and all that are still to be stopped. */
  async stop(runners: Iterable<Runner>): Promise<void> {
    await Promise.all([...runners, ...this.#retiring.keys()].map((runner) => this.#stop(runner)));
  }

  #stop(runner: Runner): Promise<void> {
    const stopped = this.#stopped.get(runner) ?? runner.stop();
    this.#stopped.set(runner, stopped);
    return stopped;
  }
}
