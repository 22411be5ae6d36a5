import type { Settlement } from './broker.ts';

/** Whether one delivery is settled, and by whom: see `createSettling`. */
export interface Settling {
  /** True once the broker has taken it for certain; a delivery that is lost, or only moved, is not settled. */
  readonly isSettled: boolean;
  /** Runs `way` unless another way is under way or has ended: then the other's end is the answer. */
  settle(way: () => Promise<Settlement>): Promise<Settlement>;
}

/** Lets a delivery be settled once: whoever comes second hears how the first one ended, unless that failed. */
export function createSettling(): Settling {
  let first: Promise<Settlement> | undefined;
  let isSettled = false;

  async function watch(begun: Promise<Settlement>): Promise<void> {
    try {
      isSettled = (await begun) === 'settled';
    } catch {
      first = undefined;
    }
  }

  function begin(way: () => Promise<Settlement>): Promise<Settlement> {
    const begun = way();
    // Before anybody else listens, so that who hears of a failure may settle again at once.
    void watch(begun);
    return begun;
  }

  return {
    get isSettled() {
      return isSettled;
    },
    settle(way) {
      first ??= begin(way);
      return first;
    },
  };
}
