import type { Child } from '../child.ts';
import type { Sample } from '../measure.ts';
import { childrenMib, residentMib, treeCpuMs } from '../procfs.ts';
import type { Stage } from '../stage.ts';
import { readLoopMeter, startLoopMeter } from './loop-meter.ts';
import { WARM_UP_SHARE } from '../warm-up.ts';
import { withRequester } from './requester.ts';

/** Where a worker finds its jobs. */
export interface Place {
  readonly url: string;
  readonly queue: string;
  /** Jobs at once: prefetch, or concurrency. */
  readonly atOnce: number;
  /** For its files; removed after the run. */
  readonly folder: string;
}

export type StartWorker = (stage: Stage, place: Place) => Child;

export interface DrainOptions {
  readonly jobs: number;
  readonly atOnce: number;
  /** The worker was started with a loop meter. */
  readonly hasLoopMeter?: boolean;
}

const LIMIT_MS = 300_000;

/**
 * Lets a worker drain a queue that was filled before it starts, so that nobody but broker, worker and the counting of
 * replies takes time. The first half is warm-up.
 */
export async function drain(
  stage: Stage,
  start: StartWorker,
  { jobs, atOnce, hasLoopMeter = false }: DrainOptions,
): Promise<Sample> {
  const { url, pid: broker } = await stage.rabbitmq();
  return stage.inFolder((folder) =>
    withRequester(url, async (requester) => {
      const warm = Math.max(atOnce, Math.round(jobs * WARM_UP_SHARE));
      requester.order({ order: 'fill', jobs, warm });
      await requester.heard('filled');
      const worker = start(stage, { url, queue: requester.queue, atOnce, folder });
      const cpu = (): [number, number] => [
        treeCpuMs(worker.pid),
        broker === undefined ? Number.NaN : treeCpuMs(broker),
      ];
      try {
        const since = await inTime(Promise.race([requester.heard('warm'), worker.failed]), 'warming up');
        if (hasLoopMeter) startLoopMeter(worker);
        const before = cpu();
        const until = await inTime(Promise.race([requester.heard('done'), worker.failed]), 'draining');
        const after = cpu();
        const measured = jobs - warm;
        return {
          rate: (measured * 1000) / (until.at - since.at),
          cpu: ((after[0] - before[0]) * 1000) / measured,
          brokerCpu: ((after[1] - before[1]) * 1000) / measured,
          rss: residentMib(worker.pid),
          children: childrenMib(worker.pid),
          ...(hasLoopMeter ? await readLoopMeter(worker, measured) : {}),
        };
      } finally {
        await worker.stop();
      }
    }),
  );
}

/** Rejects when something takes longer than any of it should. */
export async function inTime<T>(work: Promise<T>, what: string, limitMs = LIMIT_MS): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${limitMs / 1000} s`)), limitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
