import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import type { Subject } from '../comparison.ts';
import type { Sample } from '../measure.ts';
import type { Stage } from '../stage.ts';
import { drain, inTime } from './drain.ts';
import { withRequester } from './requester.ts';

export const AMQP_CONSUME = 'amqp-consume, no replies';
export const AMQP_CONSUME_REPLYING = 'amqp-consume, amqp-publish';
export const PIKA = 'pika worker';

const PIKA_PROGRAM = fileURLToPath(new URL('../programs/pika_worker.py', import.meta.url));
const SYSTEM_PYTHON = '/usr/bin/python3';
const PREFETCH = 10;

/** Debian's tools, as far as they are installed, by what they can be compared in; `missing` says how to get the others. */
export function findPeers(): {
  ofShell: Subject[];
  ofModules: (atOnce: number) => Subject[];
  missing: string[];
} {
  const hasTools = runs('amqp-consume', '--help') && runs('amqp-publish', '--help');
  const hasPika = runs(SYSTEM_PYTHON, '-c', 'import pika');
  const pika = (atOnce: number): Subject => ({
    name: PIKA,
    run: (stage) =>
      drain(
        stage,
        (_stage, place) =>
          startChild(SYSTEM_PYTHON, [PIKA_PROGRAM, place.url, place.queue, String(place.atOnce)]),
        { jobs: stage.jobs(6000), atOnce },
      ),
  });
  return {
    ofShell: hasTools ? [amqpConsume, amqpConsumeReplying] : [],
    ofModules: (atOnce) => (hasPika ? [pika(atOnce)] : []),
    missing: [
      ...(hasTools ? [] : ['amqp-consume (apt-get install amqp-tools)']),
      ...(hasPika ? [] : ['pika (apt-get install python3-pika)']),
    ],
  };
}

/** Jobs one after the other, and nobody is told: it has no access to a message's reply_to. */
const amqpConsume: Subject = {
  name: AMQP_CONSUME,
  run: (stage) => consume(stage, stage.jobs(2000), () => 'true'),
};

/** What its users do: the command itself sends the replies, to a queue that is known beforehand. */
const amqpConsumeReplying: Subject = {
  name: AMQP_CONSUME_REPLYING,
  run: (stage) =>
    consume(stage, stage.jobs(300), (url, queue) => {
      const say = (status: string): string =>
        `amqp-publish --url=${url} -r ${queue}.replies -p -C application/json -b '{"status":"${status}"}'`;
      return `${say('started')}; true; ${say('completed')}`;
    }),
};

/** Its messages are empty, since it dies (SIGPIPE) of a command that does not read its standard input. */
async function consume(
  stage: Stage,
  jobs: number,
  command: (url: string, queue: string) => string,
): Promise<Sample> {
  const { url } = await stage.rabbitmq();
  return withRequester(url, async (requester) => {
    requester.order({ order: 'fill-empty', jobs });
    await requester.heard('filled');
    const { queue } = requester;
    const since = performance.now();
    const args = [`--url=${url}`, `--queue=${queue}`, `--prefetch-count=${PREFETCH}`, `--count=${jobs}`];
    const consumer = startChild('amqp-consume', [...args, '--', '/bin/sh', '-c', command(url, queue)]);
    try {
      await inTime(consumer.ended, 'amqp-consume');
      return { rate: (jobs * 1000) / (performance.now() - since) };
    } finally {
      await consumer.stop();
    }
  });
}

function runs(file: string, ...args: string[]): boolean {
  try {
    execFileSync(file, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
