import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completed, type Outcome } from '../../src/job/outcome.ts';
import { createRelay, type Relay } from '../../src/journal/relay.ts';
import { perform } from '../../src/worker/perform.ts';
import { Slots } from '../../src/worker/slots.ts';
import type { Workplace } from '../../src/worker/workplace.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, openBench, said } from './bench.ts';
import { altered } from '../support/altered.ts';

const STARTED = { status: 'started' };
const CANCELLED = { status: 'failed', message: 'cancelled' };
const all = (): boolean => true;

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.broker.close(1000));

const untilAborted = (signal: AbortSignal): Promise<Outcome> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(completed())));

/** Nothing of the job is left on its queue, now or for later. */
async function isGone(): Promise<boolean> {
  await bench.jobs.consumer.stop();
  return (await bench.broker.count('jobs')) === 0 && bench.jobs.deliveries.length === 1;
}

describe('a job that is cancelled', () => {
  it('while it runs is answered as failed and never retried, whatever retries it has', async () => {
    const begun = Promise.withResolvers<void>();
    const plain = bench.workplace((_, { signal }) => {
      begun.resolve();
      return untilAborted(signal);
    });
    const at: Workplace = { ...plain, policy: { ...plain.policy, retries: 5 } };
    const performing = perform(await bench.deliver(), at);
    await begun.promise;
    expect(at.running.cancel(all)).toBe(1);
    await performing;
    await eventually(() => bench.replies.deliveries.length === 2, 'both replies');
    expect(said(bench.replies)).toStrictEqual([STARTED, CANCELLED]);
    expect(await isGone()).toBe(true);
  });

  it.each([
    ['a slot', { slots: new Slots(0) }],
    ['its turn among suspects', { suspects: new Slots(0) }],
  ])('while it waits for %s is answered at once, and never begun', async (_, full) => {
    let runs = 0;
    const plain = bench.workplace(async () => {
      runs += 1;
      return completed();
    });
    const crashes = plain.policy.crashLimit - 1;
    const at = { ...plain, ...full };
    const performing = perform(altered(await bench.deliver(), { crashes }), at);
    await eventually(() => at.running.count === 1, 'the job in hand');
    expect(at.running.cancel(all)).toBe(1);
    await performing;
    await eventually(() => bench.replies.deliveries.length > 0, 'the reply');
    expect(said(bench.replies)).toStrictEqual([CANCELLED]);
    expect(runs).toBe(0);
    expect(await isGone()).toBe(true);
  });

  it('that is none, and waits only for its reply to be heard, is not in question', async () => {
    const heard = Promise.withResolvers<{ kind: 'sent' }>();
    const relay = { ...createRelay(bench.broker), send: () => heard.promise } as unknown as Relay;
    const at = bench.workplace(async () => completed(), { relay });
    const delivery = await bench.deliver();
    const message = { ...delivery.message, body: Buffer.from('{oops') };
    const performing = perform(altered(delivery, { message }), at);
    await eventually(() => at.running.list()[0]?.verdict !== undefined, 'the verdict');
    expect(at.running.list()[0]?.stage).toBe('settling');
    expect(at.running.cancel(all)).toBe(0);
    heard.resolve({ kind: 'sent' });
    await performing;
  });

  it('too late keeps the end that it has', async () => {
    const at = bench.workplace(async () => completed());
    const late: number[] = [];
    await perform(await bench.deliver(), {
      ...at,
      onOutcome: async () => void late.push(at.running.cancel(all)),
    });
    await eventually(() => bench.replies.deliveries.length === 2, 'both replies');
    expect(late).toStrictEqual([0]);
    expect(said(bench.replies)).toStrictEqual([STARTED, { status: 'completed' }]);
  });
});
