import type { Delivery } from '../broker/broker.ts';
import { Chain } from '../broker/chain.ts';
import type { Job } from '../job/job.ts';
import type { Announcer, RunFacts, Told } from '../job/events.ts';
import type { MessagePrint } from '../journal/message-print.ts';
import type { Verdict } from '../job/verdict.ts';
import { CallOff } from './call-off.ts';

/** A job whose message is not settled yet: it runs, or its reply or its acknowledgement is on the way. */
export interface Running {
  readonly job: Job;
  readonly facts: RunFacts;
  readonly message: MessagePrint;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** What it waits for: its turn, the end of its run, or that what follows is written down, heard and settled. */
  stage: 'waiting' | 'running' | 'settling';
  /** When its run began, in milliseconds since 1970. */
  startedAt: number | undefined;
  readonly callOff: CallOff;
  /** How far it said it is; masked. */
  progress: { readonly percent: number; readonly message?: string } | undefined;
  /** What it printed last; masked. */
  lastLine: string | undefined;
  /** What was decided; then all that is missing is that the broker hears it. */
  verdict: Verdict | undefined;
  /** The newest delivery of its message: the only one that can be settled. */
  delivery: Delivery;
  /** Resolves 'here' with the next delivery of its message; 'elsewhere' or 'gone' when that does not come here. */
  comesAgain: PromiseWithResolvers<'here' | Whereabouts>;
  /** Takes it off the jobs of its worker. */
  readonly leave: () => void;
}

/**
 * Where a message is that was lost to us and does not come again: in other hands, as far as can be told, or nowhere,
 * since nobody else is there who could have it.
 */
export type Whereabouts = 'elsewhere' | 'gone';

/** Of all workers together. */
let lastRun = 0;

/** The jobs of one worker, from delivery to settlement. */
export class RunningJobs {
  readonly #jobs = new Chain<Running>();
  readonly #events: Announcer;
  #isStopped = false;

  constructor(events: Announcer) {
    this.#events = events;
  }

  get count(): number {
    return this.#jobs.size;
  }

  list(): Running[] {
    return this.#jobs.values();
  }

  begin(job: Job, message: MessagePrint, delivery: Delivery): Running {
    const { queue, runner, id, attempt } = job;
    const running: Running = {
      job,
      facts: { queue, runner, id, attempt, run: (lastRun += 1) },
      message,
      since: Date.now(),
      stage: 'waiting',
      startedAt: undefined,
      callOff: new CallOff(),
      progress: undefined,
      lastLine: undefined,
      verdict: undefined,
      delivery,
      comesAgain: Promise.withResolvers(),
      leave: () => this.#jobs.remove(place),
    };
    const place = this.#jobs.add(running);
    if (this.#isStopped) running.callOff.now({ kind: 'shutdown' });
    return running;
  }

  /** Calls off the jobs that are meant, as far as their end is not decided yet; says how many there are. */
  cancel(isMeant: (facts: RunFacts) => boolean): number {
    const meant = this.list().filter(({ facts, stage }) => stage !== 'settling' && isMeant(facts));
    for (const { callOff, facts } of meant) {
      this.#events.emit('job:cancelled', facts);
      callOff.now({ kind: 'cancel' });
    }
    return meant.length;
  }

  /** Ends what still runs; the messages go back, uncounted. */
  stop(): void {
    this.#isStopped = true;
    for (const { callOff, stage } of this.list()) if (stage !== 'settling') callOff.now({ kind: 'shutdown' });
  }

  /**
   * Gives a redelivery to the oldest job of an equal message whose own delivery was lost. A job whose delivery
   * is still good is another job, however equal its message.
   */
  join({ print, identity }: MessagePrint, delivery: Delivery): boolean {
    if (!delivery.redelivered && identity !== 'copy') return false;
    const running = this.list().find((one) => one.message.print === print && one.delivery.isLost);
    if (running === undefined) return false;
    running.delivery = delivery;
    running.comesAgain.resolve('here');
    running.comesAgain = Promise.withResolvers();
    this.#events.emit('job:joined', running.facts);
    return true;
  }

  /** Whether a copy of ours is in hand: one more of the same token is the same one, published twice. */
  holds({ print, identity }: MessagePrint): boolean {
    return identity === 'copy' && this.list().some(({ message }) => message.print === print);
  }

  /** There is one of these whose delivery was lost. */
  hasLost(isMeant: (delivery: Delivery) => boolean = () => true): boolean {
    return this.list().some(({ delivery }) => delivery.isLost && isMeant(delivery));
  }

  /** No lost delivery of these will come again here: whoever waits for one is told. */
  giveUpTheLost(where: Whereabouts, isMeant: (delivery: Delivery) => boolean = () => true): void {
    for (const { delivery, comesAgain } of this.list())
      if (delivery.isLost && isMeant(delivery)) comesAgain.resolve(where);
  }

  /** Tells what became of a job and of its message, once both are known. */
  announceEnd(
    { facts, since }: Running,
    verdict: Verdict,
    { disposal, reply, isRepeated }: { disposal: string; reply: Told; isRepeated: boolean },
  ): void {
    const { outcome, because } = verdict;
    const isFinal = verdict.reply !== undefined;
    const goesBack = verdict.disposal.kind === 'requeue';
    const durationMs = Date.now() - since;
    const how = { outcome, isFinal, goesBack, isRepeated, durationMs, disposal, reply, because };
    this.#events.emit('job:ended', { ...facts, ...how, ...keptAt(verdict) });
  }

  end({ leave }: Running): void {
    leave();
  }
}

function keptAt({ disposal }: Verdict): { keptAt?: string } {
  const diedAt = disposal.kind === 'dead-letter' ? disposal.headers['x-rbit-died-at'] : undefined;
  return typeof diedAt === 'string' ? { keptAt: diedAt } : {};
}
