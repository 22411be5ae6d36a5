import { type ChannelModel, connect } from 'amqplib';
import { type Rabbitmq, startRabbitmq } from '../../test/support/rabbitmq.ts';
import { now } from '../clock.ts';
import type { Case } from '../comparison.ts';
import type { Sample } from '../measure.ts';
import type { Stage } from '../stage.ts';
import { startAgain } from '../start-again.ts';
import { inTime } from '../subjects/drain.ts';
import { rbit } from '../subjects/rbit.ts';

const QUEUE = 'bench.restart';
const NAME = 'module! thread';
const WAYS = ['stopped', 'killed'] as const;

/** How soon a daemon works again when RabbitMQ is back. */
export const restart: Case = {
  name: 'restart',
  about: `from the first AMQP connection that a RabbitMQ takes that was away to the final reply of a job (${NAME})`,
  quick: 'none',
  figures: ['firstAnswer'],
  subjects: WAYS.map((way) => ({ name: way, isOurs: true, run: (stage) => goAway(stage, way) })),
  targets: WAYS.map((subject) => ({ subject, figure: 'firstAnswer', most: 600 })),
};

async function goAway(stage: Stage, way: (typeof WAYS)[number]): Promise<Sample> {
  const rabbitmq = await startRabbitmq();
  try {
    return await stage.inFolder(async (folder) => {
      const place = { url: rabbitmq.url, queue: QUEUE, atOnce: 1, folder };
      await declare(rabbitmq);
      const worker = rbit(NAME)(stage, place);
      try {
        const first = await connect(rabbitmq.url, { noDelay: true });
        await inTime(Promise.race([answerOver(first), worker.failed]), 'the first answer');
        await first.close();
        await (way === 'stopped' ? rabbitmq.halt() : rabbitmq.kill());
        const { connection, at } = await startAgain(rabbitmq);
        const answered = await inTime(Promise.race([answerOver(connection), worker.failed]), 'the answer');
        await connection.close();
        return { firstAnswer: answered - at };
      } finally {
        await worker.stop();
      }
    });
  } finally {
    await rabbitmq.stop();
  }
}

async function declare(rabbitmq: Rabbitmq): Promise<void> {
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createChannel();
  await channel.assertQueue(QUEUE);
  await connection.close();
  // RabbitMQ writes down that there is a queue a little after it has said so.
  await rabbitmq.ctl('eval', 'mnesia:dump_log(), mnesia:sync_log().');
}

/** Sends one job and resolves with the moment of its final reply. */
async function answerOver(connection: ChannelModel): Promise<number> {
  const channel = await connection.createChannel();
  const { queue: replyTo } = await channel.assertQueue('', { exclusive: true });
  const { promise, resolve } = Promise.withResolvers<number>();
  const hear = (content: Buffer): void => void (content.includes('"completed"') && resolve(now()));
  await channel.consume(replyTo, (message) => message !== null && hear(message.content), { noAck: true });
  channel.sendToQueue(QUEUE, Buffer.from('{}'), { persistent: true, correlationId: 'one', replyTo });
  return promise;
}
