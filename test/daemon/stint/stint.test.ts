import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { stintStatus } from '../../../src/cli/stint-options.ts';
import { createStint, type Stint, type StintLimits } from '../../../src/daemon/stint/stint.ts';
import type { WorkEvents } from '../../../src/job/events.ts';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Worker } from '../../../src/worker/worker.ts';
import { startWorker } from './start-worker.ts';

let events: EventEmitter<WorkEvents>;
let broker: Broker;
let outcome: Outcome;

beforeEach(async () => {
  events = new EventEmitter();
  outcome = { kind: 'blocked', reason: 'locked', delayMs: 1 };
  broker = createEmbeddedBroker({ file: ':memory:', exchange: 're', queues: new Map() });
  broker.start();
  await broker.writable();
  await broker.prepare('jobs');
  await broker.publish({ exchange: '', routingKey: 'jobs', body: Buffer.from('{}'), properties: {} });
  return () => broker.close(1_000);
});

/** A stint on a queue that is worked from this disk, of whose messages so many do not come to it. */
function begin(limits: StintLimits, countUnstored: () => Promise<number>): Stint {
  const workers: Worker[] = [];
  const stint = createStint(limits, {
    events,
    brokerEvents: broker.events,
    workers: () => workers,
    isStored: () => true,
    countUnstored,
    countWaiting: async (queue, signal) =>
      ((await broker.count(queue, signal)) ?? 0) + (await countUnstored()),
    countUnsent: async () => 0,
    whyNot: () => undefined,
    patienceMs: 300,
  });
  workers.push(
    startWorker(
      { broker, events },
      async () => outcome,
      (facts) => stint.admit(facts),
    ),
  );
  return stint;
}

describe('a stint of which jobs go round', () => {
  it('is complete when nothing is behind them', async () => {
    const stint = begin({ once: true, maxJobs: undefined }, async () => 0);
    const end = await stint.over();
    expect(end.kind).toBe('complete');
    expect(stintStatus(stint, end)).toBe(0);
  });

  it('is not while something is behind them that does not come', async () => {
    const stint = begin({ once: true, maxJobs: undefined }, async () => 3);
    const end = await stint.over();
    const reason = 'queue jobs is kept busy by jobs that come again at once; waiting behind them: 3';
    expect(end).toStrictEqual({ kind: 'incomplete', reason });
    expect(stintStatus(stint, end)).toBe(75);
  });

  it('is not while nobody knows what is behind them', async () => {
    const stint = begin({ once: true, maxJobs: undefined }, () => Promise.reject(new Error('away')));
    expect(await stint.over()).toMatchObject({
      kind: 'incomplete',
      reason: expect.stringMatching(/unknown$/),
    });
  });

  it('leaves what is behind them when as many were taken as may be', async () => {
    const stint = begin({ once: true, maxJobs: 4 }, async () => 3);
    const end = await stint.over();
    expect(end).toStrictEqual({ kind: 'taken', reason: 'max-jobs: 4 taken' });
    expect(stintStatus(stint, end)).toBe(0);
  });
});
