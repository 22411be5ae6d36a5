import { EventEmitter } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { Broker, BrokerEvents } from '../../src/broker/broker.ts';
import { noteLosses } from '../../src/daemon/lost-consumers.ts';
import { createStatus } from '../../src/daemon/status.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { printOf } from '../../src/journal/message-print.ts';
import { decode } from '../../src/protocol/decode.ts';
import { RunningJobs } from '../../src/worker/running.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { amqpOptions } from '../broker/amqp/fixture.ts';
import { deliveryOf } from '../support/delivery.ts';
import { freePort } from '../support/free-port.ts';

const SECRET = 'hunter22';
const mask = (text: string): string => text.replaceAll(SECRET, '***');

function makeParts(broker: Pick<Broker, 'events' | 'count' | 'countConsumers'>) {
  const running = new RunningJobs(new EventEmitter<WorkEvents>());
  const delivery = deliveryOf({}, { correlationId: `of ${SECRET}` });
  const decoded = decode(delivery, { runner: 'r', body: 'json', required: [] });
  const job = running.begin(decoded.job, printOf(delivery), delivery);
  const worker = { queue: 'jobs', runner: 'r', running, intake: { state: 'consuming' } } as Worker;
  const read = createStatus({
    broker,
    workers: [worker],
    leaving: [],
    processorOf: () => 'shell',
    version: '1.2.3',
    files: () => [`/etc/${SECRET}.ini`],
    mask,
  });
  return { job, read };
}

const counting = {
  events: new EventEmitter<BrokerEvents>(),
  count: async () => 7,
  countConsumers: async () => 2,
};

describe('the status of a daemon', () => {
  it('is plain data with the secrets masked', async () => {
    const { job, read } = makeParts(counting);
    job.stage = 'running';
    job.startedAt = job.since + 1;
    job.progress = { percent: 40, message: 'page' };
    job.lastLine = 'hi';
    const status = await read();
    expect(JSON.parse(JSON.stringify(status))).toStrictEqual(status);
    expect(status).toStrictEqual({
      daemon: {
        pid: process.pid,
        version: '1.2.3',
        since: expect.any(String),
        state: 'running',
        files: ['/etc/***.ini'],
      },
      queues: [
        {
          queue: 'jobs',
          runner: 'r',
          processor: 'shell',
          state: 'consuming',
          waiting: 7,
          consumers: 2,
          running: 1,
        },
      ],
      jobs: [
        {
          id: 'of ***',
          queue: 'jobs',
          runner: 'r',
          attempt: 1,
          run: job.facts.run,
          state: 'running',
          since: new Date(job.since).toISOString(),
          started: new Date(job.since + 1).toISOString(),
          progress: { percent: 40, message: 'page' },
          lastLine: 'hi',
        },
      ],
    });
  });

  it('says nothing of a job that it does not know yet, and shortens what is long', async () => {
    const { job, read } = makeParts(counting);
    const [before] = (await read()).jobs;
    expect(Object.keys(before ?? {})).toStrictEqual([
      'id',
      'queue',
      'runner',
      'attempt',
      'run',
      'state',
      'since',
    ]);
    job.lastLine = 'x'.repeat(100_000);
    job.progress = { percent: 1, message: 'y'.repeat(100_000) };
    const [after] = (await read()).jobs;
    expect([after?.lastLine?.length, after?.progress?.message?.length]).toStrictEqual([500, 500]);
  });

  it('comes soon when the broker is away, without its counts', async () => {
    const broker = createAmqpBroker(amqpOptions(`amqp://127.0.0.1:${await freePort()}`));
    onTestFinished(() => broker.close(1_000));
    broker.start();
    const { read } = makeParts(broker);
    const since = performance.now();
    expect((await read()).queues).toMatchObject([{ waiting: null, consumers: null, running: 1 }]);
    expect(performance.now() - since).toBeLessThan(3_000);
  });
});

describe('why a queue is not consumed', () => {
  it('is what the broker has said of its connection, else of that consumer, until it is good again', () => {
    const events = new EventEmitter<BrokerEvents>();
    const why = noteLosses(events);
    expect(why('a')).toBeUndefined();
    events.emit('consumer:lost', { queue: 'a', reason: 'no queue', retryInMs: 1 });
    expect([why('a'), why('b')]).toStrictEqual(['no queue', undefined]);
    events.emit('connection:lost', { purpose: 'consume', reason: 'refused', retryInMs: 1 });
    expect(why('b')).toBe('no connection: refused');
    events.emit('connection:open', { purpose: 'consume', url: 'x' });
    events.emit('consumer:open', { queue: 'a' });
    expect(why('a')).toBeUndefined();
  });
});
