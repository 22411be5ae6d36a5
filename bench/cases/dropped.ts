import { setTimeout as wait } from 'node:timers/promises';
import { startTcpProxy } from '../../test/support/tcp-proxy.ts';
import { now } from '../clock.ts';
import type { Case } from '../comparison.ts';
import type { Sample } from '../measure.ts';
import type { Stage } from '../stage.ts';
import { inTime } from '../subjects/drain.ts';
import { rbit } from '../subjects/rbit.ts';
import { withRequester } from '../subjects/requester.ts';

/** A daemon that has just started is still busy with that. */
const CALM_MS = 1000;
const NAME = 'module! thread';

/**
 * How soon a job is answered that comes at the moment at which the connections are reset. One cut for each daemon: a
 * connection that is lost again and again is opened less and less eagerly.
 */
export const dropped: Case = {
  name: 'dropped',
  about: "from the reset of all of a daemon's connections to the final reply of a job sent then",
  quick: 'all',
  figures: ['firstAnswer'],
  subjects: [{ name: NAME, isOurs: true, run: (stage) => cutOnce(stage) }],
  targets: [{ subject: NAME, figure: 'firstAnswer', most: 300 }],
};

async function cutOnce(stage: Stage): Promise<Sample> {
  const { url } = await stage.rabbitmq();
  const target = new URL(url);
  const proxy = await startTcpProxy({ port: Number(target.port), host: target.hostname });
  target.port = String(proxy.port);
  try {
    return await stage.inFolder((folder) =>
      withRequester(url, async (requester) => {
        const place = { url: target.href, queue: requester.queue, atOnce: 1, folder };
        const worker = rbit(NAME)(stage, place);
        const ask = async (): Promise<number> => {
          requester.order({ order: 'ask', times: 1 });
          const asked = Promise.race([requester.heard('asked'), worker.failed]);
          return (await inTime(asked, 'the answer')).answers[0]?.answered ?? Number.NaN;
        };
        try {
          await ask();
          await wait(stage.isQuick ? 0 : CALM_MS);
          const since = now();
          proxy.cut();
          return { firstAnswer: (await ask()) - since };
        } finally {
          await worker.stop();
        }
      }),
    );
  } finally {
    await proxy.close();
  }
}
