import { setMaxListeners } from 'node:events';
import type { Workplace } from './workplace.ts';

/** What a worker tells all that it has in hand. */
export class Signals {
  #draining = controller();
  readonly #closing = controller();
  readonly #stopping = controller();

  /** Those that what comes now has to listen to. */
  get current(): Pick<Workplace, 'draining' | 'closing' | 'stopping'> {
    return {
      draining: this.#draining.signal,
      closing: this.#closing.signal,
      stopping: this.#stopping.signal,
    };
  }

  /** What has not begun goes back. `why`: unless that is since the daemon stops. */
  drain(why?: string): void {
    this.#draining.abort(why);
  }

  /** What comes from now on may begin again. */
  endDrain(): void {
    this.#draining = controller();
  }

  close(): void {
    this.#closing.abort();
  }

  stop(): void {
    this.#stopping.abort();
  }
}

/** One listener for each job in hand is no leak. */
function controller(): AbortController {
  const made = new AbortController();
  setMaxListeners(0, made.signal);
  return made;
}
