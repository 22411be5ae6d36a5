import { now } from '../clock.ts';
import type { Case, Subject } from '../comparison.ts';
import type { Sample } from '../measure.ts';
import type { Stage } from '../stage.ts';
import { BARE_AMQPLIB, JOURNALLED, journalled, startAmqplib } from '../subjects/amqplib.ts';
import { inTime, type StartWorker } from '../subjects/drain.ts';
import { rbit } from '../subjects/rbit.ts';
import { withRequester } from '../subjects/requester.ts';

/** How soon a worker that is started answers a job that waits. */
export const start: Case = {
  name: 'start',
  about: 'from starting the process to the final reply of a job that waits on the queue',
  quick: ['shell!'],
  figures: ['firstAnswer'],
  base: BARE_AMQPLIB,
  subjects: [
    { name: BARE_AMQPLIB, run: (stage) => answerFirst(stage, startAmqplib) },
    ...(['here', 'threads', 'coprocesses'] as const).map(
      (way): Subject => ({ name: JOURNALLED[way], run: (stage) => answerFirst(stage, journalled(way)) }),
    ),
    ...(['module! none', 'module! thread', 'coprocess!', 'python!', 'shell!'] as const).map(
      (name): Subject => ({ name, isOurs: true, run: (stage) => answerFirst(stage, rbit(name)) }),
    ),
  ],
  targets: (['module! none', 'module! thread', 'shell!'] as const).map((subject) => ({
    subject,
    figure: 'firstAnswer',
    against: BARE_AMQPLIB,
    most: 2.5,
  })),
  warmsUp: true,
};

async function answerFirst(stage: Stage, startWorker: StartWorker): Promise<Sample> {
  const { url } = await stage.rabbitmq();
  return stage.inFolder((folder) =>
    withRequester(url, async (requester) => {
      requester.order({ order: 'fill', jobs: 1, warm: 0 });
      await requester.heard('filled');
      const since = now();
      const worker = startWorker(stage, { url, queue: requester.queue, atOnce: 1, folder });
      try {
        const { at } = await inTime(Promise.race([requester.heard('done'), worker.failed]), 'the first job');
        return { firstAnswer: at - since };
      } finally {
        await worker.stop();
      }
    }),
  );
}
