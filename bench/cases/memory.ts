import { setTimeout as wait } from 'node:timers/promises';
import type { Case, Subject } from '../comparison.ts';
import type { Sample } from '../measure.ts';
import { childrenMib, residentMib } from '../procfs.ts';
import type { Stage } from '../stage.ts';
import { BARE_AMQPLIB, startAmqplib } from '../subjects/amqplib.ts';
import { inTime, type StartWorker } from '../subjects/drain.ts';
import { type NoopRunner, noopRunners, startRbit } from '../subjects/rbit.ts';
import { withRequester } from '../subjects/requester.ts';

const SETTLE_MS = 2000;
const AT_ONCE = 10;

/** What a worker takes when there is nothing to do, and after a while of work. */
export const memory: Case = {
  name: 'memory',
  about: 'memory of a worker, of two queues where it is ours: idle, and after 10,000 jobs, ten at once',
  quick: ['module! none'],
  figures: ['idleRss', 'idleChildren', 'rss', 'children'],
  base: BARE_AMQPLIB,
  subjects: [
    { name: BARE_AMQPLIB, run: (stage) => weigh(stage, startAmqplib, stage.jobs(10_000)) },
    ...(['module! none', 'module! thread', 'python!'] as const).map((name) => twoQueues(name, 10_000)),
    twoQueues('shell!', 1000),
  ],
  targets: (['module! none', 'module! thread', 'shell!'] as const).map((subject) => ({
    subject,
    figure: 'idleRss',
    against: BARE_AMQPLIB,
    most: 1.35,
  })),
};

function twoQueues(name: NoopRunner, jobs: number): Subject {
  const start: StartWorker = (stage, place) =>
    startRbit(stage, place, noopRunners[name](), { mappings: [`${place.queue}.second:job`] });
  return { name, isOurs: true, run: (stage) => weigh(stage, start, stage.jobs(jobs)) };
}

async function weigh(stage: Stage, start: StartWorker, jobs: number): Promise<Sample> {
  const { url } = await stage.rabbitmq();
  return stage.inFolder((folder) =>
    withRequester(url, async (requester) => {
      const worker = start(stage, { url, queue: requester.queue, atOnce: AT_ONCE, folder });
      const heard = <T>(tale: Promise<T>): Promise<T> =>
        inTime(Promise.race([tale, worker.failed]), 'the worker');
      try {
        requester.order({ order: 'watch' });
        await heard(requester.heard('consumed'));
        await wait(stage.isQuick ? 0 : SETTLE_MS);
        const idle = { idleRss: residentMib(worker.pid), idleChildren: childrenMib(worker.pid) };
        requester.order({ order: 'flow', jobs, warm: 0, window: 2 * AT_ONCE });
        await heard(requester.heard('done'));
        return { ...idle, rss: residentMib(worker.pid), children: childrenMib(worker.pid) };
      } finally {
        await worker.stop();
      }
    }),
  );
}
