import { settledWithin } from '../../broker/limit.ts';
import type { RunFacts } from '../../job/events.ts';
import type { Worker } from '../../worker/worker.ts';
import { type DrainEnd, type DrainOptions, LOOK_LIMIT_MS, untilDrained } from './drained.ts';
import { Rounds } from './rounds.ts';
import { Tally } from './tally.ts';

/*
 * A stint: a run of the daemon that ends by itself.
 *
 *   once      when nothing waits in the queues, and nothing is in hand
 *   max-jobs  when so many jobs were taken and their runs are over, however long they may take
 *
 * With both, by whichever comes first. What the broker has handed out beyond that goes back as at any stop.
 */

export interface StintLimits {
  readonly once: boolean;
  /** Undefined: as many as there are. */
  readonly maxJobs: number | undefined;
}

export interface StintOptions extends DrainOptions {
  /** Whether a queue is worked from this disk. */
  readonly isStored: (queue: string) => boolean;
  /** How many messages of such a queue wait at the broker; rejects when `signal` aborts. */
  readonly countUnstored: (queue: string, signal: AbortSignal) => Promise<number>;
}

/** A run of the daemon that ends by itself. */
export interface Stint {
  readonly tally: Tally;
  /** As `Workplace.admit`. */
  admit(facts: RunFacts): boolean;
  /** To be called when the daemon has started. Resolves when it is time to stop; the intake may have stopped before. */
  over(): Promise<DrainEnd>;
}

export function createStint({ once, maxJobs }: StintLimits, options: StintOptions): Stint {
  const { events, workers, isStored, countUnstored } = options;
  const tally = new Tally(events);
  const rounds = new Rounds(events, { ...options, isAllHere });
  /** Queues that were stopped since what they hand out goes round. */
  const goneRound = new Set<string>();
  const spent = Promise.withResolvers<DrainEnd>();

  function stopIntake(isMeant: (worker: Worker) => boolean): void {
    for (const worker of workers()) if (isMeant(worker)) void worker.stopIntake();
  }

  async function isAllHere(queue: string): Promise<boolean> {
    if ((await countUnstored(queue, AbortSignal.timeout(LOOK_LIMIT_MS))) > 0) return false;
    // What was handed out before the broker counted is on its way.
    const meant = workers().filter((worker) => worker.queue === queue);
    await settledWithin(Promise.all(meant.map((worker) => worker.caughtUp())), LOOK_LIMIT_MS);
    return true;
  }

  /** Resolves when every run that was begun is over; then there is only something to be settled. */
  function untilRun(): Promise<void> {
    const isOver = (): boolean =>
      workers().every(({ running }) => running.list().every(({ stage }) => stage === 'settling'));
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isOver()) return;
        events.off('job:ran', look);
        events.off('job:ended', look);
        resolve();
      };
      events.on('job:ran', look);
      events.on('job:ended', look);
    });
  }

  async function endWhenRun(): Promise<void> {
    stopIntake(() => true);
    await untilRun();
    spent.resolve({ kind: 'taken', reason: `max-jobs: ${maxJobs} taken` });
  }

  async function endWhenDrained(): Promise<DrainEnd> {
    const end = await untilDrained(options);
    if (end.kind !== 'complete') return end;
    const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
    for (const queue of [...goneRound].filter(isStored)) {
      const count = await countUnstored(queue, signal).catch(() => 'unknown');
      if (count === 0) continue;
      const reason = `queue ${queue} is kept busy by jobs that come again at once; waiting behind them: ${count}`;
      return { kind: 'incomplete', reason };
    }
    return end;
  }

  return {
    tally,
    admit(facts) {
      const isSpent = maxJobs !== undefined && tally.taken >= maxJobs;
      const isOver = !isSpent && once && rounds.isOver(facts);
      if (isOver) goneRound.add(facts.queue);
      if (isSpent || isOver) {
        stopIntake(({ queue }) => queue === facts.queue);
        return false;
      }
      tally.take(facts);
      if (tally.taken === maxJobs) void endWhenRun();
      return true;
    },
    over: () => (once ? Promise.race([spent.promise, endWhenDrained()]) : spent.promise),
  };
}
