import type { Delivery } from '../broker/broker.ts';
import type { Job } from '../job/job.ts';
import type { Announcer, RunFacts } from '../job/events.ts';
import type { Verdict } from '../job/verdict.ts';

/** A job whose message is not settled yet: it runs, or its reply or its acknowledgement is on the way. */
export interface Running {
  readonly job: Job;
  readonly facts: RunFacts;
  readonly print: string;
  /** Its message bears an id of its own. */
  readonly isIdentified: boolean;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** What was decided; then all that is missing is that the broker hears it. */
  verdict: Verdict | undefined;
  /** The newest delivery of its message: the only one that can be settled. */
  delivery: Delivery;
}

/** The jobs of one worker, from delivery to settlement. */
export class RunningJobs {
  readonly #jobs = new Set<Running>();
  readonly #events: Announcer;

  constructor(events: Announcer) {
    this.#events = events;
  }

  get count(): number {
    return this.#jobs.size;
  }

  list(): Running[] {
    return [...this.#jobs];
  }

  begin(job: Job, print: string, delivery: Delivery): Running {
    const { queue, runner, id, attempt } = job;
    const running: Running = {
      job,
      facts: { queue, runner, id, attempt },
      print,
      isIdentified: job.correlationId !== undefined || job.messageId !== undefined,
      since: Date.now(),
      verdict: undefined,
      delivery,
    };
    this.#jobs.add(running);
    return running;
  }

  /**
   * Gives a redelivery to the oldest job of an equal message whose own delivery was lost. A job whose delivery
   * is still good is another job, however equal its message.
   */
  join(print: string, delivery: Delivery): boolean {
    const running = this.list().find((one) => one.print === print && one.delivery.isLost);
    if (running === undefined) return false;
    running.delivery = delivery;
    this.#events.emit('job:joined', running.facts);
    return true;
  }

  /** Tells what became of a job and of its message, once both are known. */
  announceEnd({ facts, since }: Running, { outcome, because }: Verdict, disposal: string): void {
    this.#events.emit('job:ended', { ...facts, outcome, durationMs: Date.now() - since, disposal, because });
  }

  end(running: Running): void {
    this.#jobs.delete(running);
  }
}
