import { beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, RequeueOptions } from '../../src/broker/broker.ts';
import type { RunFacts, WorkEvents } from '../../src/job/events.ts';
import { completed } from '../../src/job/outcome.ts';
import { perform } from '../../src/worker/perform.ts';
import type { Workplace } from '../../src/worker/workplace.ts';
import { type Bench, openBench } from './bench.ts';
import { policy } from './policy.ts';
import { altered } from '../support/altered.ts';

let bench: Bench;
let runs: number;

beforeEach(async () => {
  bench = await openBench();
  runs = 0;
  return () => bench.broker.close(1_000);
});

interface Performed {
  readonly requeued: RequeueOptions[];
  readonly ended: WorkEvents['job:ended'][0][];
  readonly asked: RunFacts[];
}

/** Performs a delivery where no job, or each job, is admitted. */
async function performed(
  delivery: Delivery,
  isAdmitted: boolean,
  changes: Partial<Workplace> = {},
): Promise<Performed> {
  const heard: Performed = { requeued: [], ended: [], asked: [] };
  const at = bench.workplace(async () => {
    runs += 1;
    return completed();
  });
  at.events.on('job:ended', (end) => heard.ended.push(end));
  const watched = altered(delivery, {
    requeue(options) {
      heard.requeued.push(options);
      return delivery.requeue(options);
    },
  });
  const admit = (facts: RunFacts): boolean => {
    heard.asked.push(facts);
    return isAdmitted;
  };
  await perform(watched, { ...at, admit, ...changes });
  return heard;
}

const garbage = (delivery: Delivery): Delivery =>
  altered(delivery, { message: { ...delivery.message, body: Buffer.from('{oops') } });
const FAILING = { policy: { ...policy, onRestart: 'fail' } } as const;

describe('a job that is not admitted', () => {
  it.each<[string, (delivery: Delivery) => Delivery, Partial<Workplace>]>([
    ['could be run', (delivery) => delivery, {}],
    ['cannot be decoded', garbage, {}],
    ['was in hand when a daemon died', (delivery) => altered(delivery, { crashes: 1 }), FAILING],
  ])('and %s goes back at once and uncounted, and nobody hears of it', async (_, change, changes) => {
    const { requeued, ended } = await performed(change(await bench.deliver()), false, changes);
    expect(requeued).toMatchObject([{ delayMs: 0, headers: { 'x-rbit-attempt': 1 } }]);
    expect(ended).toMatchObject([{ isFinal: false, goesBack: true, reply: 'none' }]);
    expect(runs).toBe(0);
    await bench.jobs.next();
    expect(bench.replies.deliveries).toHaveLength(0);
  });
});

describe('whether a job is admitted', () => {
  it('is asked once for each, when it has its slot', async () => {
    const { asked } = await performed(await bench.deliver(), true);
    expect(asked).toMatchObject([{ queue: 'jobs', id: 'c', attempt: 1 }]);
    expect(runs).toBe(1);
    expect((await performed(garbage(await bench.deliver()), true)).asked).toHaveLength(1);
  });

  it('is not asked while it waits for its slot', async () => {
    const at = bench.workplace(async () => completed());
    const leave = await Promise.all([at.slots.take(), at.slots.take()]);
    const { slots } = at;
    const performing = performed(await bench.deliver(), true, { slots });
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(0);
    for (const one of leave) one?.();
    expect((await performing).asked).toHaveLength(1);
  });
});
