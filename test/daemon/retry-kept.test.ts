import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { loadConfig } from '../../src/config/load.ts';
import { makeBroker } from '../../src/daemon/make-broker.ts';
import { createRetry } from '../../src/daemon/retry-kept.ts';
import type { KeptJob } from '../../src/http/actions.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject } from '../support/daemon.ts';

const RUNNER = '[runner:r]\nrunner = shell!true\nkeep-failed = yes\n';
const AT = '2026-01-01T00:00:00.000Z';

interface Ground {
  readonly broker: Broker;
  readonly queue: string;
  readonly retry: (job: KeptJob) => Promise<{ done: boolean; says: string }>;
  /** A dead letter of the queue, as the daemon would have kept it. */
  readonly keep: (body: string, more?: { id?: string; keptAt?: string; queue?: string }) => Promise<void>;
  readonly count: (queue: string) => Promise<number | undefined>;
}

async function open(amqp: string): Promise<Ground> {
  const queue = `retry.${randomUUID().slice(0, 8)}`;
  const project = await makeProject('');
  await writeFile(
    project.ini,
    `[rbit]\nqueue-mappings = ${queue}:r\nstate-dir = ${project.dir}/state\n${amqp}[queue:${queue}]\ndead-letter = ${queue}.dead\n${RUNNER}`,
  );
  const config = await loadConfig([project.ini]);
  const dead = { bind: [], deadLetter: `${queue}.dead.dead` };
  const { broker } = await makeBroker(config, new Map([[`${queue}.dead`, dead]]));
  onTestFinished(async () => {
    await broker.close(1_000);
    await project.remove();
  });
  broker.start();
  const signal = AbortSignal.timeout(10_000);
  for (const name of [queue, `${queue}.dead`]) await broker.prepare(name, signal);
  return {
    broker,
    queue,
    retry: createRetry(() => config),
    async keep(body, { id, keptAt = AT, queue: diedOn = queue } = {}) {
      const headers = {
        'x-rbit-queue': diedOn,
        'x-rbit-runner': 'r',
        'x-rbit-attempt': 1,
        'x-rbit-died-at': keptAt,
        'x-rbit-reason': 'exit code 1',
        mine: 'stays',
      };
      const properties = { headers, persistent: true, ...(id === undefined ? {} : { correlationId: id }) };
      const publication = { exchange: '', routingKey: `${queue}.dead`, body: Buffer.from(body), properties };
      await broker.writable(signal);
      expect(await broker.publish(publication)).toBe('routed');
    },
    count: (name) => broker.count(name, AbortSignal.timeout(5_000)),
  };
}

function jobOf(queue: string, id: string, keptAt = AT): KeptJob {
  return { queue, runner: 'r', id, attempt: 1, run: 1, keptAt };
}

async function bodiesOn(broker: Broker, queue: string, count: number): Promise<string[]> {
  const bodies: string[] = [];
  const all = Promise.withResolvers<void>();
  const consumer = broker.consume(queue, {
    prefetch: 10,
    onDelivery(delivery) {
      bodies.push(
        `${delivery.message.body.toString()} ${Object.keys(delivery.message.properties.headers).join()}`,
      );
      void delivery.ack();
      if (bodies.length === count) all.resolve();
    },
  });
  await all.promise;
  await consumer.stop();
  return bodies;
}

describe.each([
  ['the embedded queue', async () => ''],
  ['RabbitMQ', async () => `[amqp]\nurl = ${await amqpUrl()}\n`],
])('a retry on %s', (_, amqp) => {
  it('takes the one letter of that death, and leaves all others where they are', async () => {
    const { broker, queue, retry, keep, count } = await open(await amqp());
    await keep('earlier', { id: 'same', keptAt: '2025-01-01T00:00:00.000Z' });
    await keep('of another queue', { id: 'same', queue: 'elsewhere' });
    await keep('meant', { id: 'same' });
    await keep('later', { id: 'same', keptAt: '2027-01-01T00:00:00.000Z' });
    expect(await retry(jobOf(queue, 'same'))).toStrictEqual({ done: true, says: 'it is back on its queue' });
    expect(await count(`${queue}.dead`)).toBe(3);
    expect(await bodiesOn(broker, queue, 1)).toStrictEqual(['meant mine']);
  });

  it('finds a job whose message does not tell its id, and takes one of equal ones', async () => {
    const { broker, queue, retry, keep, count } = await open(await amqp());
    await keep('nameless');
    await keep('nameless');
    expect((await retry(jobOf(queue, 'an id that the daemon made'))).done).toBe(true);
    expect(await count(`${queue}.dead`)).toBe(1);
    expect(await bodiesOn(broker, queue, 1)).toStrictEqual(['nameless mine']);
  });

  it('says so when the letter has gone, or another one is being put back', async () => {
    const { queue, retry, keep } = await open(await amqp());
    await keep('another', { id: 'another' });
    const first = retry(jobOf(queue, 'gone'));
    expect((await retry(jobOf(queue, 'another'))).says).toMatch(/^another job is being put back/);
    expect(await first).toStrictEqual({ done: false, says: 'it is not among the dead letters any more' });
    expect((await retry(jobOf(queue, 'another'))).done).toBe(true);
    expect((await retry({ ...jobOf('unmapped', 'another') })).says).toBe(
      'its queue is not worked here any more',
    );
  });
});
