const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** When a runner that could not be started is tried again: later each time. */
export class ProbeClock {
  #timer: NodeJS.Timeout | undefined;
  #nextInMs = FIRST_MS;
  #since = 0;

  /** Has it tried when it is time; returns in how many milliseconds that is. */
  set(probe: () => void): number {
    const inMs = this.#nextInMs;
    this.#nextInMs = Math.min(inMs * 2, LONGEST_MS);
    this.#timer = setTimeout(probe, inMs);
    return inMs;
  }

  /** It is tried from now on. */
  begin(): void {
    this.#since = Date.now();
  }

  /** Whether a message that is in hand since then (as Date.now) came to try it: an older one says nothing about it now. */
  isTriedBy(since: number): boolean {
    return since >= this.#since;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The next time it is tried as soon as at first. */
  reset(): void {
    this.#nextInMs = FIRST_MS;
  }
}
