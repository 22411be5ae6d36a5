import { isDeepStrictEqual } from 'node:util';
import type { QueueOptions } from '../broker/broker.ts';
import type { Config } from '../config/config.ts';
import { queueOptions } from './make-broker.ts';
import { deadLetterOptions } from './make-receipts.ts';

/** What the configuration says of the queues, where a broker looks it up: a reload changes it in place. */
export class QueueFacts {
  readonly #queues: Map<string, QueueOptions>;

  constructor(config: Config) {
    this.#queues = factsIn(config);
  }

  get queues(): ReadonlyMap<string, QueueOptions> {
    return this.#queues;
  }

  /** Takes over what is said now, and keeps what was said of queues that are left out; returns those of which it is new. */
  change(config: Config): Set<string> {
    const changed = new Set<string>();
    for (const [queue, facts] of factsIn(config)) {
      if (isDeepStrictEqual(this.#queues.get(queue), facts)) continue;
      this.#queues.set(queue, facts);
      changed.add(queue);
    }
    return changed;
  }

  /** Nobody works this queue any more. */
  forget(queue: string): void {
    this.#queues.delete(queue);
  }
}

function factsIn(config: Config): Map<string, QueueOptions> {
  return new Map([...queueOptions(config), ...deadLetterOptions(config)]);
}
