import type { QueueIntake } from '../../http/queue-intake.ts';

/** What the daemon is doing at the moment. */
export interface WorkFacts {
  /** The mapped queues. */
  readonly queues: readonly QueueIntake[];
  /** Jobs whose messages are in hand, of all queues. */
  readonly inHand: number;
  /** Why the broker cannot be used, in words; undefined: it can. */
  readonly brokerTrouble: string | undefined;
}

/**
 * Whether a new start would do the daemon good. It would where a queue has no consumer although nobody has paused it. Two
 * things weigh more: a broker that is away is tried again in any case, and jobs in hand, those of other queues, are not
 * to be ended for it.
 */
export class IntakeWatch {
  readonly #patienceMs: number;
  readonly #missingSince = new Map<string, number>();

  /** `patienceMs`: how long a queue may be without a consumer. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The queue that a new start is needed for; undefined: all is well, or as well as a new start could make it. */
  findStuck(
    { queues, inHand, brokerTrouble }: WorkFacts,
    nowMs = performance.now(),
  ): QueueIntake | undefined {
    const missing = brokerTrouble === undefined ? queues.filter(({ state }) => state === 'not-consumed') : [];
    const names = new Set(missing.map(({ queue }) => queue));
    for (const queue of this.#missingSince.keys()) if (!names.has(queue)) this.#missingSince.delete(queue);
    for (const queue of names) if (!this.#missingSince.has(queue)) this.#missingSince.set(queue, nowMs);
    if (inHand > 0) return undefined;
    return missing.find(({ queue }) => nowMs - (this.#missingSince.get(queue) ?? nowMs) >= this.#patienceMs);
  }
}
