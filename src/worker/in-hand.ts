import type { Delivery } from '../broker/broker.ts';
import { Chain } from '../broker/chain.ts';
import type { Runner } from '../job/runner.ts';
import { perform } from './perform.ts';
import type { Workplace } from './workplace.ts';

/** What one worker has in hand, each with the runner that it came for. */
export class InHand {
  readonly #performing = new Chain<{ readonly performing: Promise<void>; readonly runner: Runner }>();

  /** Works a delivery to its end there, whatever the worker works with meanwhile. */
  perform(delivery: Delivery, at: Workplace): void {
    const performing = perform(delivery, at).finally(() => this.#performing.remove(place));
    const place = this.#performing.add({ performing, runner: at.runner });
  }

  /** Resolves when nothing is in hand. */
  async empty(): Promise<void> {
    while (this.#performing.size > 0)
      await Promise.all(this.#performing.values().map(({ performing }) => performing));
  }

  /** Resolves when nothing is left of what is in hand now and came for this runner. */
  async without(runner: Runner): Promise<void> {
    const meant = this.#performing.values().filter((one) => one.runner === runner);
    await Promise.all(meant.map(({ performing }) => performing));
  }
}
