import { setTimeout as wait } from 'node:timers/promises';
import type { Broker } from '../broker/broker.ts';
import type { ControlServer } from '../control/server.ts';
import type { HttpService } from '../http/http-service.ts';
import type { Runner } from '../job/runner.ts';
import type { Running } from '../worker/running.ts';
import type { Worker } from '../worker/worker.ts';
import type { Log } from './log.ts';
import type { DaemonJournal } from './make-journal.ts';
import { logStatus, logVictims } from './log-events.ts';
import type { ReadStatus } from './status.ts';

export interface DaemonParts {
  readonly broker: Broker;
  readonly journal: DaemonJournal;
  readonly workers: readonly Worker[];
  readonly runners: readonly Runner[];
  readonly readStatus: ReadStatus;
  readonly control: ControlServer;
  /** Undefined: nothing listens. */
  readonly http: HttpService | undefined;
  readonly log: Log;
  readonly shutdownTimeoutMs: number;
  /** The longest `kill-grace` of any runner. */
  readonly killGraceMs: number;
}

/** How long the broker may take to hear the last acknowledgements and to say goodbye. */
const FAREWELL_MS = 5_000;
const ABANDON_MS = 500;
const HANG_UP_MS = 500;

/** Everything that runs between start and stop, in that order. Runners are started before it is made. */
export class Daemon {
  readonly #parts: DaemonParts;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  /** Returns at once: a broker that is away is waited for. */
  start(): void {
    const { broker, journal, workers, control, http } = this.#parts;
    http?.start();
    // Before any message comes: what is known of it decides what happens to it.
    journal.start();
    broker.start();
    for (const worker of workers) worker.start();
    void control.open();
  }

  /** Stops the intake everywhere, gives jobs one common time to end, ends what is left and puts it back. Always ends. */
  async stop(): Promise<void> {
    const { broker, journal, workers, runners, log, shutdownTimeoutMs, killGraceMs } = this.#parts;
    this.#parts.http?.drain();
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
    await endsWithin(this.#parts.control.close(), HANG_UP_MS);
    // Last: who asks hears that it stops, for as long as it does.
    await endsWithin(Promise.resolve(this.#parts.http?.close()), HANG_UP_MS * 2);
    log.info('stopped');
  }

  /** For an end that waits for nothing: it is written down that what was in hand did not take the daemon down. */
  async abandon(): Promise<void> {
    const { journal, control } = this.#parts;
    await endsWithin(Promise.all([journal.close(), control.close()]), ABANDON_MS);
  }

  /** Says in the log what it is doing: what `status` shows. */
  async report(): Promise<void> {
    logStatus(this.#parts.log, await this.#parts.readStatus());
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
