import type { Announcer, RunFacts } from '../../job/events.ts';

/** Counts what becomes of the jobs of a stint. */
export class Tally {
  #taken = 0;
  #completed = 0;
  #failed = 0;
  #putBack = 0;
  /** Of what was taken, what has not ended, by the number of its run. */
  readonly #inHand = new Set<number | undefined>();
  /** Why runners could not be started that have not run a job since. */
  readonly #faults = new Map<string, string>();

  constructor(events: Announcer) {
    events.on('job:ended', ({ run, runner, outcome, goesBack, isRepeated }) => {
      const wasTaken = this.#inHand.delete(run);
      // Settled by its record: its job was counted when its run ended.
      if (isRepeated) return;
      if (outcome.kind === 'unavailable') this.#faults.set(runner, outcome.reason);
      else if (wasTaken && outcome.kind !== 'interrupted') this.#faults.delete(runner);
      if (goesBack) this.#putBack += wasTaken ? 1 : 0;
      else if (outcome.kind === 'completed') this.#completed += 1;
      else this.#failed += 1;
    });
  }

  /** How many were begun, a job that was put back and came again each time. */
  get taken(): number {
    return this.#taken;
  }

  get hasFailed(): boolean {
    return this.#failed > 0;
  }

  /** Some runner could not be started when it was tried last. */
  get hasFault(): boolean {
    return this.#faults.size > 0;
  }

  take({ run }: RunFacts): void {
    this.#taken += 1;
    this.#inHand.add(run);
  }

  /** Such as `5 jobs: 4 completed, 1 failed; 2 put back; pdf cannot be started: exit code 127`. Not masked. */
  inWords(): string {
    const jobs = this.#completed + this.#failed;
    const how = [
      ...(this.#completed > 0 ? [`${this.#completed} completed`] : []),
      ...(this.#failed > 0 ? [`${this.#failed} failed`] : []),
    ].join(', ');
    const putBack = this.#putBack + this.#inHand.size;
    return [
      `${jobs} ${jobs === 1 ? 'job' : 'jobs'}${how === '' ? '' : `: ${how}`}`,
      ...(putBack > 0 ? [`${putBack} put back`] : []),
      ...[...this.#faults].map(([runner, reason]) => `${runner} cannot be started: ${reason}`),
    ].join('; ');
  }
}
