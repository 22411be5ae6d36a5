import { setTimeout as wait } from 'node:timers/promises';
import { giveBackWhenIdle } from '../heap/give-back.ts';
import type { Broker } from '../broker/broker.ts';
import type { ControlServer } from '../control/server.ts';
import type { HttpService } from '../http/http-service.ts';
import type { Running } from '../worker/running.ts';
import type { Worker } from '../worker/worker.ts';
import type { Crew } from './crew.ts';
import type { Log } from './log.ts';
import type { DaemonJournal } from './make-journal.ts';
import { logStatus, logVictims } from './log-events.ts';
import type { Reload } from './reload.ts';
import type { ReadStatus } from './status.ts';
import type { Stint } from './stint/stint.ts';
import type { ServiceReporter } from './systemd/service-reporter.ts';

export interface DaemonParts {
  readonly broker: Broker;
  readonly journal: DaemonJournal;
  readonly crew: Crew;
  readonly reload: Reload;
  /** Undefined: it works until it is stopped. */
  readonly stint: Stint | undefined;
  readonly readStatus: ReadStatus;
  readonly control: ControlServer;
  /** Undefined: nothing listens. */
  readonly http: HttpService | undefined;
  /** Undefined: no service manager wants to hear of it. */
  readonly service: ServiceReporter | undefined;
  readonly log: Log;
}

/** How long the broker may take to hear the last acknowledgements and to say goodbye. */
const FAREWELL_MS = 5_000;
const ABANDON_MS = 500;
const HANG_UP_MS = 500;
/** What all goodbyes of a stop take at most, beside `shutdown-timeout` and two times the longest `kill-grace`. */
const FAREWELLS_MS = 3 * FAREWELL_MS + 5_000;

/** Everything that runs between start and stop, in that order. Runners are started before it is made. */
export class Daemon {
  readonly #parts: DaemonParts;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  get stint(): Stint | undefined {
    return this.#parts.stint;
  }

  /** Returns at once: a broker that is away is waited for. */
  start(): void {
    const { broker, journal, crew, control, http } = this.#parts;
    http?.start();
    // Before any message comes: what is known of it decides what happens to it.
    journal.start();
    broker.start();
    crew.start();
    void control.open();
    this.#parts.service?.start();
    giveBackWhenIdle();
  }

  /** Stops the intake everywhere, gives jobs one common time to end, ends what is left and puts it back. Always ends. */
  async stop(): Promise<void> {
    const { broker, journal, crew, reload, log } = this.#parts;
    const { shutdownTimeoutMs } = reload.config.rbit;
    const reloaded = reload.close();
    const { killGraceMs } = crew;
    const workers = [...crew.workers, ...crew.leaving];
    this.#parts.service?.stopping(shutdownTimeoutMs + 2 * killGraceMs + FAREWELLS_MS);
    this.#parts.http?.drain();
    const idle = stopIntake(workers).then(() => Promise.all(workers.map((worker) => worker.idle())));
    if (!(await endsWithin(idle, shutdownTimeoutMs))) {
      logVictims(log, runningOf(workers), shutdownTimeoutMs);
      for (const worker of workers) worker.abort();
      if (!(await endsWithin(idle, killGraceMs + FAREWELL_MS))) {
        log.error('some messages could not be settled; the broker will hand them out again');
      }
    }
    await endsWithin(Promise.all([crew.stopRunners(), reloaded]), killGraceMs + FAREWELL_MS);
    await broker.close(FAREWELL_MS);
    await journal.close();
    await endsWithin(this.#parts.control.close(), HANG_UP_MS);
    // Last: who asks hears that it stops, for as long as it does.
    await endsWithin(Promise.resolve(this.#parts.http?.close()), HANG_UP_MS * 2);
    await this.#parts.service?.close();
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

  /** Has it work by what its INI files say now; what came of it is in the log. Never rejects. */
  async reload(): Promise<void> {
    try {
      await this.#parts.reload.run();
    } catch (error) {
      this.#parts.log.error({ err: error }, 'bug in the reload');
    }
  }
}

async function stopIntake(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.stopIntake()));
}

function runningOf(workers: readonly Worker[]): Running[] {
  return workers.flatMap((worker) => worker.running.list());
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
