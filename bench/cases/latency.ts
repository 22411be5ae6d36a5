import type { Case, Subject } from '../comparison.ts';
import { quantile, type Sample } from '../measure.ts';
import type { Stage } from '../stage.ts';
import { BARE_AMQPLIB, JOURNALLED, journalled, startAmqplib } from '../subjects/amqplib.ts';
import { inTime, type StartWorker } from '../subjects/drain.ts';
import { rbit } from '../subjects/rbit.ts';
import { withRequester } from '../subjects/requester.ts';
import { WARM_UP_SHARE } from '../warm-up.ts';

/** How long a requester waits for the final reply when nobody else asks for anything. */
export const latency: Case = {
  name: 'latency',
  about: 'one job at a time, from sending it to its final reply',
  quick: ['module! thread'],
  figures: ['p50', 'p99'],
  base: BARE_AMQPLIB,
  subjects: [
    { name: BARE_AMQPLIB, run: (stage) => askOneByOne(stage, startAmqplib) },
    ...(['here', 'threads', 'coprocesses'] as const).map(
      (way): Subject => ({ name: JOURNALLED[way], run: (stage) => askOneByOne(stage, journalled(way)) }),
    ),
    ...(['module! none', 'module! thread', 'coprocess!', 'shell!'] as const).map(
      (name): Subject => ({ name, isOurs: true, run: (stage) => askOneByOne(stage, rbit(name)) }),
    ),
  ],
  targets: [
    { subject: 'module! thread', figure: 'p50', against: BARE_AMQPLIB, most: 1.4 },
    { subject: 'module! thread', figure: 'p99', against: BARE_AMQPLIB, most: 2 },
    { subject: 'module! none', figure: 'p50', against: JOURNALLED.here },
    { subject: 'module! thread', figure: 'p50', against: JOURNALLED.threads },
    { subject: 'coprocess!', figure: 'p50', against: JOURNALLED.coprocesses },
  ],
};

async function askOneByOne(stage: Stage, start: StartWorker): Promise<Sample> {
  const times = stage.jobs(8000);
  const { url } = await stage.rabbitmq();
  return stage.inFolder((folder) =>
    withRequester(url, async (requester) => {
      const worker = start(stage, { url, queue: requester.queue, atOnce: 1, folder });
      try {
        requester.order({ order: 'ask', times });
        const asked = Promise.race([requester.heard('asked'), worker.failed]);
        const { answers } = await inTime(asked, 'asking');
        const waits = answers
          .slice(Math.round(times * WARM_UP_SHARE))
          .map(({ sent, answered }) => answered - sent);
        return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) };
      } finally {
        await worker.stop();
      }
    }),
  );
}
