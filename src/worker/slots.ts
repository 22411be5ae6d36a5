/**
 * How many jobs of one runner may run at once, whichever queues they come from. Each queue hands out as many
 * messages, so that with one queue nobody ever waits here.
 */
export class Slots {
  #count: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  get isFree(): boolean {
    return this.#taken < this.#count;
  }

  /** From now on there are so many. Of fewer, those that are taken too much are given back first. */
  resize(count: number): void {
    this.#count = count;
    this.#handOut();
  }

  /** Resolves with what gives the slot back, in the order of asking; with undefined when one of the signals aborts first. */
  async take(...signals: readonly AbortSignal[]): Promise<(() => void) | undefined> {
    if (isAborted(signals)) return undefined;
    if (this.isFree) this.#taken += 1;
    else if (!(await this.#turn(signals))) return undefined;
    const leave = (): void => {
      this.#taken -= 1;
      this.#handOut();
    };
    if (!isAborted(signals)) return leave;
    leave();
    return undefined;
  }

  /** To those who wait: nobody who asks now comes before them. */
  #handOut(): void {
    while (this.isFree) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#taken += 1;
      next();
    }
  }

  /** Resolves true when a slot is taken for the caller, false when it has given up first. */
  #turn(signals: readonly AbortSignal[]): Promise<boolean> {
    return new Promise((resolve) => {
      const stopListening = (): void => {
        for (const signal of signals) signal.removeEventListener('abort', giveUp);
      };
      const get = (): void => {
        stopListening();
        resolve(true);
      };
      const giveUp = (): void => {
        stopListening();
        this.#waiting.splice(this.#waiting.indexOf(get), 1);
        resolve(false);
      };
      for (const signal of signals) signal.addEventListener('abort', giveUp);
      this.#waiting.push(get);
    });
  }
}

function isAborted(signals: readonly AbortSignal[]): boolean {
  return signals.some(({ aborted }) => aborted);
}
