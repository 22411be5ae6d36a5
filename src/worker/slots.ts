/**
 * How many jobs of one runner may run at once, whichever queues they come from. Each queue hands out as many
 * messages, so that with one queue nobody ever waits here.
 */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  get isFree(): boolean {
    return this.#free > 0;
  }

  /** Resolves with what gives the slot back; with undefined when `signal` aborts first. */
  async take(signal: AbortSignal): Promise<(() => void) | undefined> {
    while (this.#free === 0) {
      if (signal.aborted) return undefined;
      await this.#next(signal);
    }
    if (signal.aborted) {
      // Whoever was woken for this slot and does not want it any more hands the call on.
      if (this.#free > 0) this.#waiting.shift()?.();
      return undefined;
    }
    this.#free -= 1;
    return () => {
      this.#free += 1;
      this.#waiting.shift()?.();
    };
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        resolve();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(wake);
    });
  }
}
