import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { QueueOptions } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { amqpOptions } from '../broker/amqp/fixture.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject } from '../support/daemon.ts';

type Kind = 'the embedded queue' | 'RabbitMQ';

const AT_ONCE = 10;
const run = promisify(execFile);

let url: string;
beforeAll(async () => {
  url = await amqpUrl();
}, 300_000);

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Bytes that outlived the collections of young objects while a daemon worked so many jobs, and then ended. */
async function survivors(kind: Kind, isolation: string, jobs: number): Promise<number> {
  const tag = randomUUID().slice(0, 8);
  const [queue, replies] = [`garbage.${tag}`, `garbage.r.${tag}`];
  const project = await makeProject(`[rbit]
queue-mappings = ${queue}:noop
state-dir = state
log-level = warn
${kind === 'RabbitMQ' ? `[amqp]\nurl = ${url}` : ''}
[runner:noop]
runner = module!noop.mjs
isolation = ${isolation}
concurrency = ${AT_ONCE}
`);
  cleanUps.push(project.remove);
  await writeFile(join(project.dir, 'noop.mjs'), 'export default async () => {};\n');
  const state = join(project.dir, 'state');
  await mkdir(state, { mode: 0o700 });
  const queues = new Map<string, QueueOptions>(
    [queue, replies].map((name) => [name, { bind: [], deadLetter: `${name}.dead` }]),
  );
  const broker =
    kind === 'RabbitMQ'
      ? createAmqpBroker(amqpOptions(url, { queues }))
      : createEmbeddedBroker({ file: join(state, 'queue.sqlite'), exchange: 'rbit', queues });
  broker.start();
  cleanUps.push(() => broker.close(2_000));
  for (const name of queues.keys()) await broker.prepare(name);
  const properties = { persistent: true, replyTo: replies };
  const jobOf = (number: number) => ({
    exchange: '',
    routingKey: queue,
    body: Buffer.from('{"parameters":{"command":"noop"}}'),
    properties: { ...properties, correlationId: `job-${number}` },
  });
  await Promise.all(Array.from({ length: jobs }, (_, number) => broker.publish(jobOf(number))));
  const { stdout } = await run(process.execPath, ['--trace-gc-nvp', CLI, 'run', '--once', project.ini], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const promoted = [...stdout.matchAll(/ gc=s .* promoted=(\d+) /g)].map(([, bytes]) => Number(bytes));
  return promoted.reduce((sum, bytes) => sum + bytes, 0);
}

// By the difference of two runs, since much of what is loaded at the start stays. A job has some 40 KB in its life; 130 bytes
// for each are the print of its message, which is remembered for a while.
it.each<[Kind, string]>([
  ['the embedded queue', 'none'],
  ['the embedded queue', 'thread'],
  ['RabbitMQ', 'none'],
])(
  'what a job needed on %s, isolation %s, is gone when it has ended: the next collection of young objects takes it',
  async (kind, isolation) => {
    const few = await survivors(kind, isolation, 1_000);
    const many = await survivors(kind, isolation, 7_000);
    expect((many - few) / 6_000).toBeLessThan(1_000);
  },
  60_000,
);
