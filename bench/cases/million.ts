import { setTimeout as wait } from 'node:timers/promises';
import type { Case, Subject } from '../comparison.ts';
import type { Sample } from '../measure.ts';
import { residentMib } from '../procfs.ts';
import type { Stage } from '../stage.ts';
import { inTime } from '../subjects/drain.ts';
import { type NoopRunner, rbit } from '../subjects/rbit.ts';
import { withRequester } from '../subjects/requester.ts';

const BEFORE = 10_000;
const JOBS = 1_000_000;
const AT_ONCE = 100;
/** V8 gives back what it no longer needs when nothing has happened for a while. */
const SETTLE_MS = 25_000;
const LIMIT_MS = 3_600_000;

/** Whether anything is kept of the jobs that are done. */
export const million: Case = {
  name: 'million',
  about: `memory of a daemon that has rested, after ${BEFORE} jobs that do nothing and after ${JOBS}, ${AT_ONCE} at once`,
  quick: 'none',
  figures: ['growth', 'idleRss', 'rss'],
  subjects: (['module! none', 'module! thread'] as const).map(
    (name): Subject => ({ name, isOurs: true, run: (stage) => workThrough(stage, name) }),
  ),
  targets: (['module! none', 'module! thread'] as const).map((subject) => ({
    subject,
    figure: 'growth',
    most: 1.1,
  })),
  isLong: true,
};

async function workThrough(stage: Stage, name: NoopRunner): Promise<Sample> {
  const { url } = await stage.rabbitmq();
  return stage.inFolder((folder) =>
    withRequester(url, async (requester) => {
      const worker = rbit(name)(stage, { url, queue: requester.queue, atOnce: AT_ONCE, folder });
      const weighAfter = async (jobs: number): Promise<number> => {
        requester.order({ order: 'flow', jobs, warm: 0, window: 10 * AT_ONCE });
        await inTime(Promise.race([requester.heard('done'), worker.failed]), `${jobs} jobs`, LIMIT_MS);
        await wait(SETTLE_MS);
        return residentMib(worker.pid);
      };
      try {
        const idleRss = await weighAfter(stage.jobs(BEFORE));
        const rss = await weighAfter(stage.jobs(JOBS - BEFORE));
        return { idleRss, rss, growth: rss / idleRss };
      } finally {
        await worker.stop();
      }
    }),
  );
}
