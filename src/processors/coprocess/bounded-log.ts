import type { Log } from '../options.ts';

const MOST_LINES = 100;

type Entry = Parameters<Log>;

/** A log for a process that may never fall silent: after a hundred entries it says once that the rest is left out. */
export class BoundedLog {
  readonly #log: Log | undefined;
  #written = 0;

  constructor(log: Log | undefined) {
    this.#log = log;
  }

  write(...entry: Entry): void {
    if (this.#written > MOST_LINES) return;
    this.#written += 1;
    if (this.#written <= MOST_LINES) this.#log?.(...entry);
    else
      this.#log?.(
        'warn',
        `the runner printed more than ${MOST_LINES} lines without a job: the rest is left out`,
      );
  }

  /** The next hundred may come. */
  reopen(): void {
    this.#written = 0;
  }
}
