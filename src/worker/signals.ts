import type { Workplace } from './workplace.ts';

/** What a worker tells all that it has in hand. */
export class Signals {
  #draining = new AbortController();
  readonly #closing = new AbortController();

  /** Those that what comes now has to listen to. */
  get current(): Pick<Workplace, 'draining' | 'closing'> {
    return { draining: this.#draining.signal, closing: this.#closing.signal };
  }

  /** What has not begun goes back. `why`: unless that is since the daemon stops. */
  drain(why?: string): void {
    this.#draining.abort(why);
  }

  /** What comes from now on may begin again. */
  endDrain(): void {
    this.#draining = new AbortController();
  }

  close(): void {
    this.#closing.abort();
  }
}
