import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, Publication } from '../../src/broker/broker.ts';
import { completed, failed, type Outcome } from '../../src/job/outcome.ts';
import { createRelay, type Relay } from '../../src/journal/relay.ts';
import { NO_STORE } from '../../src/journal/record.ts';
import { createRecordBook } from '../../src/journal/record-book.ts';
import { statusOf } from '../../src/protocol/replies.ts';
import { perform } from '../../src/worker/perform.ts';
import { Slots } from '../../src/worker/slots.ts';
import { openInbox } from '../broker/inbox.ts';
import { deliveryOf } from '../support/delivery.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, EXCHANGE, openBench, said } from './bench.ts';
import { altered } from '../support/altered.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.broker.close(1000));

describe('the life of a delivery', () => {
  it('is "started", the run, one final reply, and an acknowledgement', async () => {
    await perform(
      await bench.deliver(),
      bench.workplace(async () => completed({ n: 1 })),
    );
    await eventually(() => bench.replies.deliveries.length === 2, 'both replies');
    expect(said(bench.replies)).toStrictEqual([STARTED, { status: 'completed', data: { n: 1 } }]);
    await bench.jobs.consumer.stop();
    expect(await bench.broker.count('jobs')).toBe(0);
  });

  it('gives the final reply, and no other, to the broker together with the delivery that it settles', async () => {
    const { relay, settling } = watched(createRelay(bench.broker));
    const done = await bench.deliver();
    await perform(
      done,
      bench.workplace(async () => completed(), { relay }),
    );
    const undecodable = altered(done, { message: { ...done.message, body: Buffer.from('{oops') } });
    await perform(
      undecodable,
      bench.workplace(async () => completed(), { relay }),
    );
    expect(settling.map((one) => [undefined, done, undecodable].indexOf(one))).toStrictEqual([0, 1, 2]);
  });

  it('that was joined meanwhile is settled, and answered, by the newer delivery', async () => {
    const { relay, settling } = watched(createRelay(bench.broker));
    const acked: string[] = [];
    const copy = (name: string, changes: Partial<Delivery>): Delivery => ({
      ...deliveryOf({}, { replyTo: 'replies', correlationId: 'c' }, changes.redelivered),
      ...changes,
      async ack() {
        acked.push(name);
        return 'settled';
      },
    });
    const [first, second] = [copy('first', { isLost: true }), copy('second', { redelivered: true })];
    const end = Promise.withResolvers<Outcome>();
    const at = bench.workplace(() => end.promise, { relay });
    const performing = perform(first, at);
    await perform(second, at);
    end.resolve(failed('no'));
    await performing;
    expect(acked).toStrictEqual(['second']);
    expect(settling).toStrictEqual([undefined, second]);
  });
});

describe('a job', () => {
  it('does not begin before its "started" has left, though nothing is to be written', async () => {
    const left: string[] = [];
    const relay = createRelay({
      writable: () => bench.broker.writable(),
      async publish(reply) {
        const result = await bench.broker.publish(reply);
        left.push(statusOf(reply));
        return result;
      },
    });
    let leftBefore: string[] = [];
    const at = bench.workplace(
      async () => {
        leftBefore = [...left];
        return completed();
      },
      { relay },
    );
    await perform(await bench.deliver(), at);
    expect(leftBefore).toStrictEqual(['started']);
  });

  it.each(['its journal', 'its broker'])('does not begin until %s has written that down', async (which) => {
    const [asked, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const write = (): Promise<void> => {
      asked.resolve();
      return written.promise;
    };
    let runs = 0;
    const plain = bench.workplace(async () => {
      runs += 1;
      return completed();
    });
    const journal = createRecordBook({ ...NO_STORE, insert: write });
    const delivery = await bench.deliver();
    const performing =
      which === 'its broker'
        ? perform(altered(delivery, { blame: write }), plain)
        : perform(delivery, { ...plain, journal });
    await asked.promise;
    await nextTurn();
    await nextTurn();
    expect(runs).toBe(0);
    written.resolve();
    await performing;
    expect(runs).toBe(1);
  });

  it('is announced with its end, what was done with its message, and why', async () => {
    const at = bench.workplace(async () => ({ kind: 'blocked', reason: 'not yet', delayMs: 1000 }));
    const ends: unknown[] = [];
    at.events.on('job:ended', (end) => ends.push(end));
    await perform(await bench.deliver(), at);
    expect(ends).toMatchObject([
      {
        id: 'c',
        attempt: 1,
        outcome: { kind: 'blocked' },
        disposal: 'put back for 1s',
        because: 'blocked: not yet; again in 1s',
      },
    ]);
    expect(at.running.count).toBe(0);
  });

  it('has its end told to those who are notified', async () => {
    const notify = { completed: { irc: ['#ops'] }, started: { irc: ['#ops'] } };
    const at = bench.workplace(async () => completed());
    const delivery = await bench.deliver();
    const message = { ...delivery.message, body: Buffer.from(JSON.stringify({ notify })) };
    await perform(altered(delivery, { message }), { ...at, policy: { ...at.policy, notify: true } });
    await eventually(() => bench.heard.deliveries.length === 2, 'both notifications');
    expect(said(bench.heard)).toMatchObject([{ phase: 'started' }, { phase: 'completed' }]);
  });

  it('whose requester was answered already is only kept', async () => {
    let runs = 0;
    const at = bench.workplace(async () => {
      runs += 1;
      return completed();
    });
    const headers = { 'x-rbit-replied': true, 'x-rbit-reason': 'not JSON' };
    await perform(await bench.deliver({ headers }), at);
    const kept = await openInbox(bench.broker, 'dead').next();
    expect(kept.message.properties.headers).toMatchObject({ 'x-rbit-reason': 'not JSON' });
    expect({ runs, replies: bench.replies.deliveries.length }).toStrictEqual({ runs: 0, replies: 0 });
  });

  it('that is none is answered without a start, and kept', async () => {
    const delivery = await bench.deliver();
    const message = { ...delivery.message, body: Buffer.from('{oops') };
    await perform(
      altered(delivery, { message }),
      bench.workplace(async () => completed()),
    );
    await eventually(() => bench.replies.deliveries.length > 0, 'the reply');
    expect(said(bench.replies)).toMatchObject([{ status: 'failed' }]);
    const kept = await openInbox(bench.broker, 'dead').next();
    expect(kept.message.properties.headers['x-rbit-reason']).toMatch(/cannot be decoded/);
  });

  it('that waits for a slot when the daemon stops goes back unsaid and uncounted', async () => {
    const draining = new AbortController();
    const at = {
      ...bench.workplace(async () => completed()),
      slots: new Slots(0),
      draining: draining.signal,
    };
    const performing = perform(await bench.deliver(), at);
    draining.abort();
    await performing;
    const back = await bench.jobs.next();
    expect(back.message.properties.headers).toMatchObject({ 'x-rbit-attempt': 1, 'x-rbit-started': false });
    expect(bench.replies.deliveries).toHaveLength(0);
  });

  it('leaves its slot to the next one, and has its outcome told before that', async () => {
    const told: string[] = [];
    const at = {
      ...bench.workplace(async () => completed()),
      slots: new Slots(1),
      onOutcome: async (outcome: Outcome) => void told.push(outcome.kind),
    };
    await perform(await bench.deliver(), at);
    await perform(await bench.deliver(), at);
    expect(told).toStrictEqual(['completed', 'completed']);
  });
});

describe('progress', () => {
  const follow = { headers: { 'x-rbit-follow': true } };

  it('is published for a requester that follows the job, and never as a reply', async () => {
    const at = bench.workplace(async (_job, context) => {
      context.progress(40, 'page 4 of 10');
      context.progress(100);
      return completed();
    });
    await perform(await bench.deliver(follow), at);
    await eventually(() => bench.heard.deliveries.length === 2, 'the progress');
    expect(said(bench.heard)).toStrictEqual([{ progress: 40, message: 'page 4 of 10' }, { progress: 100 }]);
    expect(bench.heard.deliveries.map(({ message }) => message.properties)).toMatchObject([
      { correlationId: 'c', appId: 'r', replyTo: 'log', contentType: 'application/json' },
      { correlationId: 'c' },
    ]);
    await eventually(() => bench.replies.deliveries.length === 2, 'the replies');
    expect(said(bench.replies)).toStrictEqual([STARTED, COMPLETED]);
  });

  it('is routed by the key progress, apart from output', async () => {
    const keys: string[] = [];
    const at = bench.workplace(async (_job, context) => {
      context.output('a line');
      context.progress(1);
      return completed();
    });
    const speech = {
      ...at.speech,
      publishLoosely(publication: Publication) {
        keys.push(`${publication.exchange} ${publication.routingKey}`);
        return bench.broker.publishLoosely(publication);
      },
    };
    await perform(await bench.deliver(follow), { ...at, speech });
    expect(keys).toStrictEqual([`${EXCHANGE} output`, `${EXCHANGE} progress`]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['nobody follows', {}],
    ['the header is anything but true', { 'x-rbit-follow': 'true' }],
  ])('stays here when %s', async (_when, headers) => {
    const told: number[] = [];
    const at = bench.workplace(async (_job, context) => {
      context.progress(40);
      context.output('the end');
      return completed();
    });
    at.events.on('job:progress', ({ percent }) => told.push(percent));
    await perform(await bench.deliver({ headers }), at);
    await eventually(() => bench.heard.deliveries.length > 0, 'the output');
    expect(said(bench.heard)).toStrictEqual([{ message: 'the end' }]);
    expect(told).toStrictEqual([40]);
  });

  it('stays here when there is no exchange', async () => {
    const at = bench.workplace(
      async (_job, context) => {
        context.progress(40);
        return completed();
      },
      { exchange: undefined },
    );
    await perform(await bench.deliver(follow), at);
    await eventually(() => bench.replies.deliveries.length === 2, 'the replies');
    expect(bench.heard.deliveries).toHaveLength(0);
  });

  it('has its secrets masked', async () => {
    const at = bench.workplace(
      async (_job, context) => {
        context.progress(40, 'login hunter2');
        return completed();
      },
      { secret: 'hunter2' },
    );
    await perform(await bench.deliver(follow), at);
    await eventually(() => bench.heard.deliveries.length === 1, 'the progress');
    expect(said(bench.heard)).toStrictEqual([{ progress: 40, message: 'login ***' }]);
  });

  it('goes on when the job comes again: the wish stays on its message', async () => {
    const at = bench.workplace(async ({ attempt }, context) => {
      context.progress(attempt);
      return attempt === 1 ? { kind: 'blocked', reason: 'not yet', delayMs: 1 } : completed();
    });
    await perform(await bench.deliver(follow), at);
    await perform(await bench.jobs.next(), at);
    await eventually(() => bench.heard.deliveries.length === 2, 'the progress of both runs');
    expect(said(bench.heard)).toStrictEqual([{ progress: 1 }, { progress: 2 }]);
  });
});

/** A relay that remembers with which delivery each reply was handed on. */
function watched(relay: Relay): { relay: Relay; settling: (Delivery | undefined)[] } {
  const settling: (Delivery | undefined)[] = [];
  return {
    settling,
    relay: {
      sendOnce(reply) {
        settling.push(undefined);
        return relay.sendOnce(reply);
      },
      send(reply, delivery) {
        settling.push(delivery);
        return relay.send(reply, delivery);
      },
    },
  };
}
