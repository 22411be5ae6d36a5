import { openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { formatDaemonId, ownDaemonId } from './daemon-id.ts';
import { readProcess } from './process-table.ts';

/*
 * Which runs have processes that are to be ended, should this daemon be killed before it can do so itself: the file
 * STATE/running.DAEMON, DAEMON being a DaemonId. It is a row of slots, each blank or
 *
 *   RUN                  from before the first process of a run is started, RUN being the RBIT_RUN in their environment
 *   RUN PID STARTTIME    with the child at its head, once that is started
 *
 * until nothing of the run is left. A run that ended is not in it, so what that left behind on purpose lives on. Nothing
 * here has to outlive the system: it is written without waiting for the disk, a few microseconds for each slot.
 */

/** What the names of the files begin with. */
export const RUNNING = 'running.';

/** Room for what is longest, and a divisor of a page: so even a kill leaves no slot half written. */
const SLOT_BYTES = 64;

/** The runs of this daemon, listed in its state folder. That they cannot be listed is no reason not to run them. */
export class RunList {
  readonly #path: string | undefined;
  readonly #onProblem: (reason: string) => void;
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  #file: number | undefined;
  #hasProblem = false;

  /** `onProblem` is called once at most. Where /proc does not tell processes apart, nothing is written. */
  constructor(stateDir: string, onProblem: (reason: string) => void) {
    const own = ownDaemonId();
    this.#path = own && join(stateDir, `${RUNNING}${formatDaemonId(own)}`);
    this.#onProblem = onProblem;
  }

  /** To be called before anything of a run is started. */
  add(run: string): void {
    const slot = this.#free.pop() ?? this.#slots.size;
    this.#slots.set(run, slot);
    this.#write(slot, run);
  }

  /** Names the child that leads the run's process group. */
  setHead(run: string, pid: number): void {
    const slot = this.#slots.get(run);
    const head = readProcess(pid);
    if (slot !== undefined && head !== undefined) this.#write(slot, `${run} ${pid} ${head.startTime}`);
  }

  /** Nothing of the run is left. */
  remove(run: string): void {
    const slot = this.#slots.get(run);
    if (slot === undefined) return;
    this.#slots.delete(run);
    this.#free.push(slot);
    this.#write(slot, '');
  }

  #write(slot: number, text: string): void {
    if (this.#path === undefined) return;
    try {
      this.#file ??= this.#open(this.#path);
      writeSync(this.#file, `${text.padEnd(SLOT_BYTES - 1)}\n`, slot * SLOT_BYTES);
    } catch (error) {
      if (this.#hasProblem) return;
      this.#hasProblem = true;
      this.#onProblem((error as Error).message);
    }
  }

  #open(path: string): number {
    const file = openSync(path, 'w', 0o600);
    // What could not be ended stays listed, for whoever is started next.
    process.once('exit', () => {
      if (this.#slots.size === 0) rmSync(path, { force: true });
    });
    return file;
  }
}
