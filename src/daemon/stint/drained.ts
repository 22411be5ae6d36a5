import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../../broker/broker.ts';
import { settledWithin } from '../../broker/limit.ts';
import type { Announcer } from '../../job/events.ts';
import type { Worker } from '../../worker/worker.ts';
import { listenForNews } from './news.ts';

/** While nothing happens: other consumers may take what waits. */
const LOOK_AGAIN_MS = 1_000;
/** How long the broker may take for the answers of one look, in milliseconds. */
export const LOOK_LIMIT_MS = 5_000;
/** How long nothing may come, while no job runs, before what waits is taken for out of reach. */
const PATIENCE_MS = 60_000;

export interface DrainOptions {
  readonly events: Announcer;
  readonly brokerEvents: EventEmitter<BrokerEvents>;
  /** Those that there are when it is asked. */
  readonly workers: () => readonly Worker[];
  /** How many messages of a queue wait to be worked here, wherever they lie; rejects when `signal` aborts. */
  readonly countWaiting: (queue: string, signal: AbortSignal) => Promise<number>;
  /** How many replies and dead letters lie on this disk, on their way to the broker. Likewise. */
  readonly countUnsent: (signal: AbortSignal) => Promise<number>;
  /** Why no jobs of a queue come, in words; undefined where that is not known. */
  readonly whyNot: (worker: Worker) => string | undefined;
  readonly patienceMs?: number;
}

/**
 * `complete`: nothing is left. `taken`: as many jobs were taken as may be. `incomplete`: something waits that could not be
 * worked, and trying again later may help. `out-of-reach`: so it is with all that the broker has, or may have.
 */
export interface DrainEnd {
  readonly kind: 'complete' | 'taken' | 'incomplete' | 'out-of-reach';
  /** For the log. */
  readonly reason: string;
}

/** Why a drain goes on: a job runs, or something else, which is not waited for without end. */
type Obstacle = 'running' | { readonly reason: string };

/**
 * Resolves when nothing waits in the queues and nothing is in hand. A queue that is paused, since its runner cannot be
 * started or by an operator, is not waited for.
 */
export async function untilDrained(options: DrainOptions): Promise<DrainEnd> {
  const { patienceMs = PATIENCE_MS } = options;
  const news = listenForNews(options);
  try {
    for (let sinceMs = performance.now(); ; ) {
      const obstacle = await findObstacle(options);
      if (obstacle === undefined) return await describeEnd(options);
      if (obstacle === 'running' || news.isNew()) sinceMs = performance.now();
      else if (performance.now() - sinceMs >= patienceMs)
        return {
          kind: 'out-of-reach',
          reason: `${obstacle.reason}; given up after ${Math.round(patienceMs / 1_000)} s`,
        };
      await news.next(LOOK_AGAIN_MS);
    }
  } finally {
    news.end();
  }
}

async function findObstacle(options: DrainOptions): Promise<Obstacle | undefined> {
  const { countWaiting, countUnsent, whyNot } = options;
  const all = options.workers();
  if (all.some(({ running }) => running.list().some(({ stage }) => stage === 'running'))) return 'running';
  const open = all.filter((worker) => !isPaused(worker) && !isStopped(worker));
  const closed = open.find(({ intake }) => intake.state !== 'consuming');
  const why = closed === undefined ? undefined : whyNot(closed);
  if (closed !== undefined)
    return { reason: `queue ${closed.queue} is not consumed${why === undefined ? '' : `: ${why}`}` };
  const inHand = all.find(({ running }) => running.count > 0);
  if (inHand !== undefined) return { reason: `jobs of queue ${inHand.queue} are in hand, and do not end` };

  try {
    const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
    for (const { queue } of open) {
      const count = await countWaiting(queue, signal);
      if (count > 0) return { reason: `${count} messages wait on queue ${queue}, and do not come` };
    }
    const unsent = await countUnsent(signal);
    if (unsent > 0) return { reason: `${unsent} replies and dead letters wait for the broker` };
  } catch (error) {
    return { reason: `the broker does not answer: ${String(error)}` };
  }
  // What was handed out before the broker counted is on its way.
  await settledWithin(Promise.all(open.map((worker) => worker.caughtUp())), LOOK_LIMIT_MS);
  return all.some(({ running }) => running.count > 0) ? 'running' : undefined;
}

async function describeEnd({ workers, countWaiting, whyNot }: DrainOptions): Promise<DrainEnd> {
  const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
  for (const worker of workers().filter(isPaused)) {
    const count = await countWaiting(worker.queue, signal).catch(() => 'unknown');
    if (count === 0) continue;
    const reason = `queue ${worker.queue} is paused: ${whyNot(worker) ?? ''}; waiting there: ${count}`;
    return { kind: 'incomplete', reason };
  }
  return { kind: 'complete', reason: 'nothing waits any more' };
}

/** The journal is back sooner or later; who else pauses a queue has to be waited for by somebody else. */
function isPaused({ intake }: Worker): boolean {
  return 'by' in intake && intake.by !== 'journal';
}

/** Nothing more is taken from it, by a limit of the stint or since its mapping has gone. */
function isStopped({ intake }: Worker): boolean {
  return intake.state === 'stopped' || intake.state === 'leaving';
}
