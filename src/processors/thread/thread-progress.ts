import type { ChannelToDaemon } from './channel-to-daemon.ts';
import { shorten } from './shorten.ts';

/** A job that never lets the loop turn is shown so often. */
const INTERVAL_MS = 100;
const RETRY_MS = 10;

interface Progress {
  readonly percent: number;
  readonly message?: string;
}

/**
 * Tells how far one job is: its first word in a turn of the loop at once, then only the latest, at the turn's end or when
 * there is room for it. Only the newest is of use, so a job never waits here. Lives inside the thread.
 */
export class ThreadProgress {
  readonly #channel: ChannelToDaemon;
  readonly #id: number;
  #latest: Progress | undefined;
  #isScheduled = false;
  #sentAt = 0;

  constructor(channel: ChannelToDaemon, id: number) {
    this.#channel = channel;
    this.#id = id;
  }

  /** Takes what a module hands over; what is no number is left out. */
  tell(percent: unknown, message: unknown): void {
    const share = Math.min(100, Math.max(0, Number(percent)));
    if (Number.isNaN(share)) return;
    this.#latest = { percent: share, ...(typeof message === 'string' ? { message: shorten(message) } : {}) };
    if (!this.#isScheduled || performance.now() - this.#sentAt >= INTERVAL_MS) this.#sendIfRoom();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#onTurn());
  }

  /** The last word comes before the job's end, and waits for room if it must. */
  close(): void {
    this.#send();
  }

  #onTurn(): void {
    this.#sendIfRoom();
    this.#isScheduled = this.#latest !== undefined;
    if (this.#isScheduled) setTimeout(() => this.#onTurn(), RETRY_MS);
  }

  #sendIfRoom(): void {
    if (this.#channel.hasRoom()) this.#send();
  }

  #send(): void {
    const latest = this.#latest;
    if (latest === undefined) return;
    this.#latest = undefined;
    this.#sentAt = performance.now();
    this.#channel.postWhenRoom({ kind: 'progress', id: this.#id, ...latest }, [latest.message ?? '']);
  }
}
