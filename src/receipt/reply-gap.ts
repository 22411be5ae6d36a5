import { setTimeout as wait } from 'node:timers/promises';
import type { Publication } from '../broker/broker.ts';

/**
 * Keeps the final replies of jobs apart from their "started", for peers that need it. Replies that lay in the file for the
 * length of an outage are sent together; so it counts from when "started" was confirmed.
 */
export class ReplyGap {
  readonly #gapMs: () => number;
  /** Whom it concerns → when it is over. */
  readonly #open = new Map<string, Promise<void>>();

  /** `gapMs`: as it is configured at the moment. */
  constructor(gapMs: () => number) {
    this.#gapMs = gapMs;
  }

  /** `confirmed` resolves when the broker has "started", or will never have it. */
  begin(started: Publication, confirmed: Promise<unknown>): void {
    const gapMs = this.#gapMs();
    if (gapMs === 0) return;
    const job = jobOf(started);
    // A timer may be early by a fraction of a millisecond.
    const over = confirmed.then(() => wait(gapMs + 1, undefined, { ref: false }));
    this.#open.set(job, over);
    void over.then(() => this.#open.get(job) === over && this.#open.delete(job));
  }

  /** Resolves when a final reply may be sent. */
  async over(final: Publication): Promise<void> {
    await this.#open.get(jobOf(final));
  }
}

function jobOf({ routingKey, properties }: Publication): string {
  return JSON.stringify([routingKey, properties.correlationId]);
}
