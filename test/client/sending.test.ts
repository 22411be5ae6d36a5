import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Broker, Publication } from '../../src/broker/broker.ts';
import { BrokerError, type BrokerErrorKind } from '../../src/broker/broker-error.ts';
import { type Placed, prepareQueue, putOnQueue } from '../../src/client/put-on-queue.ts';
import { sendMany } from '../../src/client/send-many.ts';
import { publicationOf } from '../../src/client/submission.ts';

type Answer = 'routed' | 'unroutable' | 'never' | BrokerErrorKind;

/** The answers of a broker one after the other, the last one again and again: no broker can be made to give each of them. */
function answering(...answers: readonly Answer[]): {
  broker: Broker;
  taken: Publication[];
  most: () => number;
} {
  const taken: Publication[] = [];
  let underWay = 0;
  let most = 0;
  const broker = {
    events: new EventEmitter(),
    writable: async (signal?: AbortSignal) => signal?.throwIfAborted(),
    async prepare() {
      throw new BrokerError(answers[0] as BrokerErrorKind, 'no');
    },
    async publish(publication: Publication) {
      const answer = answers[Math.min(taken.length, answers.length - 1)];
      taken.push(publication);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      if (answer === 'never') return new Promise<never>(() => {});
      underWay -= 1;
      if (answer === 'routed' || answer === 'unroutable') return answer;
      throw new BrokerError(answer ?? 'refused', `it said ${answer}`);
    },
  };
  return { broker: broker as unknown as Broker, taken, most: () => most };
}

const job = { queue: 'q', body: Buffer.from('{}'), isJson: true, id: 'j' };
const going = new AbortController().signal;

describe('putting a job on its queue', () => {
  it.each<[Answer[], Placed, number]>([
    [['routed'], { kind: 'queued' }, 1],
    [['unroutable'], { kind: 'unroutable' }, 1],
    [['unavailable', 'full', 'routed'], { kind: 'queued' }, 3],
    [['uncertain'], { kind: 'uncertain', reason: 'it said uncertain' }, 1],
    [['refused'], { kind: 'refused', reason: 'it said refused' }, 1],
    [['unencodable'], { kind: 'refused', reason: 'it said unencodable' }, 1],
  ])('%j: %j', async (answers, placed, count) => {
    const { broker, taken } = answering(...answers);
    expect(await putOnQueue(broker, publicationOf(job), going)).toStrictEqual(placed);
    expect(taken).toHaveLength(count);
  });

  it('what was sent when it is given up is uncertain; what was not rejects', async () => {
    const giveUp = new AbortController();
    const { broker, taken } = answering('never');
    const placing = putOnQueue(broker, publicationOf(job), giveUp.signal);
    setImmediate(() => giveUp.abort(new Error('given up')));
    expect(await placing).toMatchObject({ kind: 'uncertain' });
    await expect(putOnQueue(broker, publicationOf(job), giveUp.signal)).rejects.toThrow('given up');
    expect(taken).toHaveLength(1);
  });

  it('somebody who may not look for the queue can still publish to it', async () => {
    expect(await prepareQueue(answering('refused').broker, 'q', going)).toBe(true);
    await expect(prepareQueue(answering('unavailable').broker, 'q', going)).rejects.toThrow(BrokerError);
  });
});

describe('putting many jobs on a queue', () => {
  const options = { publicationOf: () => publicationOf(job), signal: going };

  it('has a thousand under way at most, and places each', async () => {
    const { broker, taken, most } = answering('routed');
    const placed = new Set<number>();
    await sendMany(broker, { ...options, count: 5000, onPlaced: (index) => placed.add(index) });
    expect({ taken: taken.length, placed: placed.size, most: most() }).toStrictEqual({
      taken: 5000,
      placed: 5000,
      most: 1000,
    });
  });

  it('sends no more when there is no queue', async () => {
    const { broker, taken } = answering('unroutable');
    await sendMany(broker, { ...options, count: 100_000, onPlaced: () => {} });
    expect(taken.length).toBeLessThan(5000);
  });

  it('rejects when it is given up, after what was sent', async () => {
    const giveUp = new AbortController();
    const { broker, taken } = answering('routed', 'routed', 'never');
    const kinds: string[] = [];
    const sending = sendMany(broker, {
      ...options,
      count: 100_000,
      signal: giveUp.signal,
      onPlaced: (_, { kind }) => kinds.push(kind),
    });
    setImmediate(() => setImmediate(() => giveUp.abort(new Error('given up'))));
    await expect(sending).rejects.toThrow('given up');
    expect(kinds).toHaveLength(taken.length);
  });
});
