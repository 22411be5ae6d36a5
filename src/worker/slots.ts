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

  /** Resolves with what gives the slot back; with undefined when one of the signals aborts first. */
  async take(...signals: readonly AbortSignal[]): Promise<(() => void) | undefined> {
    while (this.#free === 0) {
      if (isAborted(signals)) return undefined;
      await this.#next(signals);
    }
    if (isAborted(signals)) {
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

  #next(signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      const stopListening = (): void => {
        for (const signal of signals) signal.removeEventListener('abort', giveUp);
      };
      const wake = (): void => {
        stopListening();
        resolve();
      };
      const giveUp = (): void => {
        stopListening();
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        resolve();
      };
      for (const signal of signals) signal.addEventListener('abort', giveUp);
      this.#waiting.push(wake);
    });
  }
}

function isAborted(signals: readonly AbortSignal[]): boolean {
  return signals.some(({ aborted }) => aborted);
}
