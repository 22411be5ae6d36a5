import { setTimeout as wait } from 'node:timers/promises';
import type { Broker } from '../broker/broker.ts';
import type { Runner } from '../job/runner.ts';
import type { Running } from '../worker/running.ts';
import type { Worker } from '../worker/worker.ts';
import type { Log } from './log.ts';
import type { DaemonJournal } from './make-journal.ts';
import { logRunning, logVictims } from './log-events.ts';

export interface DaemonParts {
  readonly broker: Broker;
  readonly journal: DaemonJournal;
  readonly workers: readonly Worker[];
  readonly runners: readonly Runner[];
  readonly log: Log;
  readonly shutdownTimeoutMs: number;
  /** The longest `kill-grace` of any runner. */
  readonly killGraceMs: number;
}

/** How long the broker may take to hear the last acknowledgements and to say goodbye. */
const FAREWELL_MS = 5_000;
const ABANDON_MS = 500;

/** Everything that runs between start and stop, in that order. Runners are started before it is made. */
export class Daemon {
  readonly #parts: DaemonParts;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  /** Returns at once: a broker that is away is waited for. */
  start(): void {
    const { broker, journal, workers } = this.#parts;
    // Before any message comes: what is known of it decides what happens to it.
    journal.start();
    broker.start();
    for (const worker of workers) worker.start();
  }

  /** Stops the intake everywhere, gives jobs one common time to end, ends what is left and puts it back. Always ends. */
  async stop(): Promise<void> {
    const { broker, journal, workers, runners, log, shutdownTimeoutMs, killGraceMs } = this.#parts;
    const idle = this.#stopIntake().then(() => Promise.all(workers.map((worker) => worker.idle())));
    if (!(await endsWithin(idle, shutdownTimeoutMs))) {
      logVictims(log, this.#running(), shutdownTimeoutMs);
      for (const worker of workers) worker.abort();
      if (!(await endsWithin(idle, killGraceMs + FAREWELL_MS))) {
        log.error('some messages could not be settled; the broker will hand them out again');
      }
    }
    await endsWithin(Promise.all(runners.map((runner) => runner.stop())), killGraceMs + FAREWELL_MS);
    await broker.close(FAREWELL_MS);
    await journal.close();
    log.info('stopped');
  }

  /** For an end that waits for nothing: it is written down that what was in hand did not take the daemon down. */
  async abandon(): Promise<void> {
    await endsWithin(this.#parts.journal.close(), ABANDON_MS);
  }

  /** Says in the log what is running. */
  report(): void {
    logRunning(this.#parts.log, this.#running());
  }

  async #stopIntake(): Promise<void> {
    await Promise.all(this.#parts.workers.map((worker) => worker.stopIntake()));
  }

  #running(): Running[] {
    return this.#parts.workers.flatMap((worker) => worker.running.list());
  }
}

async function endsWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      work.then(() => true),
      wait(limitMs, false, { signal: timer.signal }).catch(() => false),
    ]);
  } finally {
    timer.abort();
  }
}
