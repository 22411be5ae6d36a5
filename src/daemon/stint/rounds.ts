import type { Announcer, RunFacts } from '../../job/events.ts';

/** How long a queue that is worked from this disk may go round while something new should come and does not. */
const PATIENCE_MS = 5_000;

export interface RoundOptions {
  /** Whether a queue is worked from this disk: then what goes back passes what waits at the broker. */
  readonly isStored: (queue: string) => boolean;
  /** Whether all messages of such a queue are on this disk; a rejection is a no. */
  readonly isAllHere: (queue: string) => Promise<boolean>;
  readonly patienceMs?: number;
}

/** What happened on a queue since its last job that is new. */
interface Round {
  /** Ids of those that came again. */
  readonly again: Set<string>;
  readonly sinceMs: number;
  /** Whoever goes back now has all that waits before him. */
  isWhole: boolean;
  isAsking: boolean;
}

/**
 * Tells when all that a queue hands out is what this daemon has put back itself: what goes back goes to the tail, so that
 * whoever comes round for the second time, with nothing new in between, has had the whole queue before him. Where the
 * tail is on this disk, that is so from when nothing waits at the broker.
 */
export class Rounds {
  readonly #options: RoundOptions;
  /** Ids of the jobs that were put back, and have not ended since; by queue. */
  readonly #back = new Map<string, Set<string>>();
  readonly #rounds = new Map<string, Round>();

  constructor(events: Announcer, options: RoundOptions) {
    this.#options = options;
    events.on('job:ended', ({ queue, id, goesBack }) => {
      if (goesBack) this.#backOn(queue).add(id);
      else this.#back.get(queue)?.delete(id);
    });
  }

  /** To be asked of each job that is about to begin. */
  isOver({ queue, id, attempt }: RunFacts): boolean {
    // The id alone would not do: two jobs may have the same one.
    const isAgain = attempt > 1 && this.#back.get(queue)?.has(id) === true;
    const round = (isAgain ? this.#rounds.get(queue) : undefined) ?? this.#begin(queue);
    if (!isAgain) return false;
    const isSecond = round.again.has(id);
    round.again.add(id);
    if (!isSecond) return false;
    const { patienceMs = PATIENCE_MS } = this.#options;
    if (round.isWhole || performance.now() - round.sinceMs >= patienceMs) return true;
    if (!round.isAsking) void this.#ask(queue, round);
    return false;
  }

  #begin(queue: string): Round {
    const isWhole = !this.#options.isStored(queue);
    const round = { again: new Set<string>(), sinceMs: performance.now(), isWhole, isAsking: false };
    this.#rounds.set(queue, round);
    return round;
  }

  /** What was new has come to the disk by then, and before those that go back from then on. */
  async #ask(queue: string, round: Round): Promise<void> {
    round.isAsking = true;
    round.isWhole = await this.#options.isAllHere(queue).catch(() => false);
    round.isAsking = false;
    if (round.isWhole) round.again.clear();
  }

  #backOn(queue: string): Set<string> {
    const found = this.#back.get(queue) ?? new Set<string>();
    this.#back.set(queue, found);
    return found;
  }
}
