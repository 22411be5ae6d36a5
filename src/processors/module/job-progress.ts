import { shorten } from '../report/shorten.ts';

/** A job that never lets the loop turn is shown so often. */
const INTERVAL_MS = 100;
const RETRY_MS = 10;

/** How far a job is, in percent. */
export interface Progress {
  readonly percent: number;
  readonly message?: string;
}

/** Where progress goes. */
export interface ProgressSink {
  /** False while the other side has not yet heard what was said before. */
  hasRoom(): boolean;
  /** May wait for room. */
  send(progress: Progress): void;
}

/** What a module hands over, within 0 and 100; undefined when it is no number. */
export function readProgress(percent: unknown, message: unknown): Progress | undefined {
  const share = Math.min(100, Math.max(0, Number(percent)));
  if (Number.isNaN(share)) return undefined;
  return typeof message === 'string' ? { percent: share, message: shorten(message) } : { percent: share };
}

/**
 * Tells how far one job is: its first word in a turn of the loop at once, then only the latest, at the turn's end or when
 * there is room for it. Only the newest is of use, so a job never waits here. Lives beside the job, apart from the daemon.
 */
export class JobProgress {
  readonly #sink: ProgressSink;
  #latest: Progress | undefined;
  #isScheduled = false;
  #sentAt = 0;

  constructor(sink: ProgressSink) {
    this.#sink = sink;
  }

  /** Takes what a module hands over; what is no number is left out. */
  tell(percent: unknown, message: unknown): void {
    const progress = readProgress(percent, message);
    if (progress === undefined) return;
    this.#latest = progress;
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
    if (this.#sink.hasRoom()) this.#send();
  }

  #send(): void {
    const latest = this.#latest;
    if (latest === undefined) return;
    this.#latest = undefined;
    this.#sentAt = performance.now();
    this.#sink.send(latest);
  }
}
