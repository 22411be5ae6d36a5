import type { Settlement } from './broker.ts';

/**
 * Lets one delivery be settled once: whoever comes second hears how the first one ended, unless that failed.
 *
 * A class, as everything of which each job has one: V8 makes a hidden class of its own for each object literal with an
 * accessor, and keeps it, with all that the accessor can reach, until the next full collection.
 */
export class Settling {
  #first: Promise<Settlement> | undefined;
  #isSettled = false;

  /** True once the broker has taken it for certain; a delivery that is lost, or only moved, is not settled. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Runs `way` unless another way is under way or has ended: then the other's end is the answer. */
  settle(way: () => Promise<Settlement>): Promise<Settlement> {
    this.#first ??= this.#begin(way);
    return this.#first;
  }

  #begin(way: () => Promise<Settlement>): Promise<Settlement> {
    const begun = way();
    // Before anybody else listens, so that who hears of a failure may settle again at once.
    void this.#watch(begun);
    return begun;
  }

  async #watch(begun: Promise<Settlement>): Promise<void> {
    try {
      this.#isSettled = (await begun) === 'settled';
    } catch {
      this.#first = undefined;
    }
  }
}
