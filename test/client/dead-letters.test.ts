import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { Broker, MessageProperties, QueueOptions } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { DeadLetter } from '../../src/client/dead-letter.ts';
import {
  type DeadLetterQueue,
  dropDeadLetters,
  readDeadLetters,
  retryDeadLetters,
  type Treatment,
  type Wanted,
} from '../../src/client/dead-letters.ts';
import { amqpOptions } from '../broker/amqp/fixture.ts';
import { openInbox } from '../broker/inbox.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';

type MakeBroker = (queues: ReadonlyMap<string, QueueOptions>) => Broker;

const brokers: Broker[] = [];

/** A started broker that knows one queue and its dead-letter queue; made again for each command, as the command line does. */
function openBroker(make: MakeBroker, queue: string): Broker {
  const options: QueueOptions = { bind: [], deadLetter: `${queue}.dead` };
  const deadOptions: QueueOptions = { bind: [], deadLetter: `${queue}.dead.dead` };
  const broker = make(
    new Map([
      [queue, options],
      [`${queue}.dead`, deadOptions],
    ]),
  );
  brokers.push(broker);
  broker.start();
  return broker;
}

const closeAll = async (): Promise<void> => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close(5000)));
};

function describeDeadLetters(name: string, make: MakeBroker): void {
  describe(`dead letters on ${name}`, () => {
    afterEach(closeAll);

    /** Puts messages on a fresh dead-letter queue; returns the name of the queue that they died on. */
    async function bury(
      messages: readonly { body: string; properties?: Partial<MessageProperties> }[],
    ): Promise<string> {
      const queue = `q.${randomUUID()}`;
      const broker = openBroker(make, queue);
      await broker.prepare(`${queue}.dead`, AbortSignal.timeout(10_000));
      await broker.writable(AbortSignal.timeout(10_000));
      await Promise.all(
        messages.map(({ body, properties }) =>
          broker.publish({
            exchange: '',
            routingKey: `${queue}.dead`,
            body: Buffer.from(body),
            properties: { persistent: true, ...properties },
          }),
        ),
      );
      await broker.close(5000);
      return queue;
    }

    /** Opens the dead-letter queue for one command and closes it again. */
    async function visit<T>(queue: string, work: (from: DeadLetterQueue) => Promise<T>): Promise<T> {
      const broker = openBroker(make, queue);
      const dead = `${queue}.dead`;
      const signal = AbortSignal.timeout(60_000);
      try {
        return await work({ broker, queue: dead, count: (await broker.count(dead, signal)) ?? 0, signal });
      } finally {
        await broker.close(5000);
      }
    }

    async function list(queue: string, limit = 100): Promise<DeadLetter[]> {
      const letters: DeadLetter[] = [];
      await visit(queue, (from) => readDeadLetters(from, 'all', limit, (letter) => letters.push(letter)));
      return letters;
    }

    async function retry(queue: string, wanted: Wanted): Promise<Treatment[]> {
      const treatments: Treatment[] = [];
      await visit(queue, (from) =>
        retryDeadLetters(
          from,
          wanted,
          () => ({ queue }),
          (treatment) => treatments.push(treatment),
        ),
      );
      return treatments;
    }

    async function drop(queue: string, wanted: Wanted): Promise<Treatment[]> {
      const treatments: Treatment[] = [];
      await visit(queue, (from) => dropDeadLetters(from, wanted, (treatment) => treatments.push(treatment)));
      return treatments;
    }

    const numbered = (count: number): { body: string; properties: Partial<MessageProperties> }[] =>
      Array.from({ length: count }, (_, index) => ({
        body: `{"n":${index}}`,
        properties: { correlationId: `job-${index}` },
      }));

    it('tell who they are, where and why they died, and are there afterwards as before', async () => {
      const queue = await bury([
        {
          body: '{}',
          properties: {
            correlationId: 'job-1',
            headers: {
              'x-rbit-reason': 'no such package',
              'x-rbit-attempt': 3,
              'x-rbit-queue': 'worker.pdf',
              'x-rbit-runner': 'pdf',
              'x-rbit-died-at': '2030-01-31T08:00:00.000Z',
            },
          },
        },
        { body: 'not even JSON' },
      ]);
      const first = await list(queue);
      expect(first).toStrictEqual([
        {
          id: expect.stringMatching(/^[0-9a-f]{8}$/),
          job: 'job-1',
          queue: 'worker.pdf',
          runner: 'pdf',
          attempt: 3,
          reason: 'no such package',
          diedAt: '2030-01-31T08:00:00.000Z',
          bytes: 2,
        },
        { id: expect.stringMatching(/^[0-9a-f]{8}$/), bytes: 13 },
      ]);
      expect(await list(queue)).toStrictEqual(first);
    });

    it('are read up to a limit, in order', async () => {
      const queue = await bury(numbered(20));
      expect((await list(queue, 5)).map(({ job }) => job)).toStrictEqual(
        [0, 1, 2, 3, 4].map((n) => `job-${n}`),
      );
      expect(await list(queue)).toHaveLength(20);
    });

    it('of other queues are passed over, and a limit counts only those that are meant', async () => {
      const queue = await bury(
        numbered(30).map(({ body, properties }, n) => ({
          body,
          properties: { ...properties, headers: { 'x-rbit-queue': n % 10 === 9 ? 'rare' : 'common' } },
        })),
      );
      const concerns = (letter: DeadLetter): boolean => letter.queue === 'rare';
      const read = async (limit: number): Promise<{ jobs: unknown[]; isMore: boolean }> => {
        const jobs: unknown[] = [];
        const isMore = await visit(queue, (from) =>
          readDeadLetters({ ...from, concerns }, 'all', limit, ({ job }) => jobs.push(job)),
        );
        return { jobs, isMore };
      };
      expect(await read(2)).toStrictEqual({ jobs: ['job-9', 'job-19'], isMore: true });
      expect(await read(3)).toStrictEqual({ jobs: ['job-9', 'job-19', 'job-29'], isMore: false });
      const dropped: unknown[] = [];
      await visit(queue, (from) =>
        dropDeadLetters({ ...from, concerns, isShared: true }, 'all', ({ letter }) =>
          dropped.push(letter.job),
        ),
      );
      expect(dropped).toStrictEqual(['job-9', 'job-19', 'job-29']);
      const left = numbered(30).map(({ properties }) => properties.correlationId);
      expect((await list(queue)).map(({ job }) => job)).toStrictEqual(
        left.filter((job) => !dropped.includes(job)),
      );
    });

    it('are retried as they were before they died: same body, same properties, nothing of their history', async () => {
      const properties: Partial<MessageProperties> = {
        correlationId: 'job-1',
        messageId: 'message-1',
        replyTo: 'replies',
        contentType: 'application/json',
        timestamp: 1_900_000_000_000,
        appId: 'somebody',
        priority: 3,
        persistent: true,
      };
      const queue = await bury([
        {
          body: '{"a":  1}',
          properties: {
            ...properties,
            headers: {
              mine: 'kept',
              nested: { list: [1, 'two'] },
              'x-rbit-follow': true,
              'x-rbit-reason': 'because',
              'x-rbit-attempt': 4,
              'x-rbit-died-at': '2030-01-31T08:00:00.000Z',
              'x-death': [{ queue: 'q', reason: 'rejected', count: 1 }],
            },
          },
        },
      ]);
      const [letter] = await list(queue);
      const treatments = await retry(queue, [letter?.id ?? '']);
      expect(treatments).toStrictEqual([{ kind: 'done', letter, to: queue }]);
      expect(await list(queue)).toStrictEqual([]);

      const delivery = await openInbox(openBroker(make, queue), queue).next();
      expect(delivery.message.body.toString()).toBe('{"a":  1}');
      expect(delivery.message.properties).toStrictEqual({
        ...properties,
        headers: { mine: 'kept', nested: { list: [1, 'two'] }, 'x-rbit-follow': true },
      });
      expect(delivery.redelivered).toBe(false);
    });

    it('are meant by their own id or by that of their job, all that have it', async () => {
      const queue = await bury([
        { body: '1', properties: { messageId: 'twin' } },
        { body: '2', properties: { messageId: 'twin' } },
        { body: '3', properties: { messageId: 'other' } },
      ]);
      const treatments = await drop(queue, ['twin']);
      expect(treatments.map(({ kind }) => kind)).toStrictEqual(['done', 'done']);
      expect(await drop(queue, ['twin'])).toStrictEqual([]);
      expect((await list(queue)).map(({ job }) => job)).toStrictEqual(['other']);
    });

    it('are all retried in their order, however many there are', async () => {
      const queue = await bury(numbered(300));
      expect(await retry(queue, 'all')).toHaveLength(300);
      expect(await list(queue)).toStrictEqual([]);
      const inbox = openInbox(openBroker(make, queue), queue, 300);
      await eventually(() => inbox.deliveries.length === 300, 'all of them');
      const jobs = inbox.deliveries.map(({ message }) => message.properties.correlationId);
      expect(jobs).toStrictEqual(numbered(300).map(({ properties }) => properties.correlationId));
    });

    it('stay where they are when nobody knows where they belong, or there is no such queue', async () => {
      const queue = await bury(numbered(3));
      for (const home of [{ reason: 'lost' }, { queue: `gone.${queue}` }]) {
        const treatments: Treatment[] = [];
        await visit(queue, async (from) => {
          // As a broker that may not make queues.
          const broker = { ...from.broker, prepare: async () => false };
          await retryDeadLetters(
            { ...from, broker },
            'all',
            () => home,
            (treatment) => treatments.push(treatment),
          );
        });
        expect(treatments.map(({ kind }) => kind)).toStrictEqual(['left', 'left', 'left']);
      }
      expect(new Set((await list(queue)).map(({ job }) => job))).toStrictEqual(
        new Set(['job-0', 'job-1', 'job-2']),
      );
    });

    it('are found in a queue that is longer than can be held, and no other is lost or doubled', async () => {
      const queue = await bury(numbered(2100));
      const treatments = await drop(queue, ['job-7', 'job-2050']);
      expect(treatments.map(({ letter }) => letter.job)).toStrictEqual(['job-7', 'job-2050']);
      const left = (await list(queue, 3000)).map(({ job }) => Number(job?.slice(4)));
      const numbers = Array.from({ length: 2100 }, (_, n) => n).filter((n) => n !== 7 && n !== 2050);
      expect(left.toSorted((a, b) => a - b)).toStrictEqual(numbers);
    });

    // One broker is enough for so many: what is pinned is this side of the port.
    if (name.includes('embedded'))
      it('are listed without moving any, however large the limit', async () => {
        const queue = await bury(numbered(65_540));
        const jobs: unknown[] = [];
        const isMore = await visit(queue, (from) =>
          readDeadLetters(from, 'all', 1_000_000, ({ job }) => jobs.push(job)),
        );
        expect({ isMore, count: jobs.length, last: jobs.at(-1) }).toStrictEqual({
          isMore: true,
          count: 65_535,
          last: 'job-65534',
        });
        expect((await list(queue, 2)).map(({ job }) => job)).toStrictEqual(['job-0', 'job-1']);
      }, 120_000);

    it('are not waited for when somebody else has taken them meanwhile', async () => {
      const queue = await bury(numbered(3));
      const thief = openInbox(openBroker(make, queue), `${queue}.dead`);
      await thief.next();
      await thief.next();
      await thief.next();
      const seen: DeadLetter[] = [];
      await visit(queue, (from) =>
        readDeadLetters({ ...from, count: 3 }, 'all', 100, (letter) => seen.push(letter)),
      );
      expect(seen).toStrictEqual([]);
    });

    it('are left alone when the walk is ended', async () => {
      const queue = await bury(numbered(100));
      const stop = new AbortController();
      const treatments: Treatment[] = [];
      const end = visit(queue, (from) =>
        dropDeadLetters({ ...from, signal: stop.signal }, 'all', (treatment) => {
          treatments.push(treatment);
          stop.abort(new Error('enough'));
        }),
      );
      await expect(end).rejects.toThrow('enough');
      const done = treatments.filter(({ kind }) => kind === 'done').length;
      expect(done).toBeLessThan(100);
      expect(await list(queue)).toHaveLength(100 - done);
    });
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbit-dead-'));
  return () => rm(folder, { recursive: true, force: true });
});
describeDeadLetters('the embedded broker', (queues) =>
  createEmbeddedBroker({ file: join(folder, 'queue.sqlite'), exchange: 'rbit', queues }),
);

let url: string;
beforeAll(async () => {
  url = await amqpUrl();
}, 300_000);
describeDeadLetters('RabbitMQ', (queues) => createAmqpBroker(amqpOptions(url, { queues })));

describe('dead letters on a quorum queue', () => {
  afterEach(closeAll);

  it('tell the same of themselves however often they are looked at', async () => {
    const queue = `q.${randomUUID()}`;
    const dead = `${queue}.dead`;
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, {
      arguments: {
        'x-queue-type': 'quorum',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': dead,
      },
    });
    await channel.assertQueue(dead, { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 12 } });
    channel.sendToQueue(queue, Buffer.from('1'), { messageId: 'm', headers: { mine: 'kept' } });
    channel.sendToQueue(queue, Buffer.from('2'), { correlationId: 'job-2' });
    await channel.waitForConfirms();
    for (const _ of ['m', 'job-2']) {
      const taken = await eventually(async () => channel.get(queue), 'a message to reject');
      if (taken !== false) channel.nack(taken, false, false);
    }
    const looks: DeadLetter[][] = [];
    let copies = 0;
    for (let look = 1; look <= 25; look += 1) {
      const broker = createAmqpBroker(amqpOptions(url));
      broker.start();
      const signal = AbortSignal.timeout(10_000);
      // What was looked at is back when the queue has noticed that its consumer has gone.
      await eventually(async () => (await broker.count(dead, signal)) === 2, `both messages at look ${look}`);
      const letters: DeadLetter[] = [];
      await readDeadLetters({ broker, queue: dead, count: 2, signal }, 'all', 2, (letter, { properties }) => {
        letters.push(letter);
        if (properties.headers['x-death'] === undefined) copies += 1;
      });
      looks.push(letters.toSorted((a, b) => a.bytes - b.bytes || (a.job ?? '').localeCompare(b.job ?? '')));
      await broker.close(5000);
    }
    expect(copies).toBeGreaterThan(0);
    expect(looks[0]).toMatchObject([
      { job: 'job-2', queue, reason: 'dead-lettered by the broker: rejected', diedAt: expect.any(String) },
      { job: 'm', queue, reason: 'dead-lettered by the broker: rejected', diedAt: expect.any(String) },
    ]);
    for (const look of looks) expect(look).toStrictEqual(looks[0]);
    await channel.deleteQueue(queue);
    await channel.deleteQueue(dead);
    await connection.close();
  }, 60_000);
});
