import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAmqpBroker } from '../../../src/broker/amqp/amqp-broker.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { describeIntake } from '../../../src/daemon/describe-intake.ts';
import { noteLosses } from '../../../src/daemon/lost-consumers.ts';
import { type DrainEnd, untilDrained } from '../../../src/daemon/stint/drained.ts';
import type { WorkEvents } from '../../../src/job/events.ts';
import { completed, type Outcome } from '../../../src/job/outcome.ts';
import type { Worker } from '../../../src/worker/worker.ts';
import { amqpOptions } from '../../broker/amqp/fixture.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { startWorker } from './start-worker.ts';

const PATIENCE_MS = 300;

let events: EventEmitter<WorkEvents>;
let broker: Broker;
let runs: number;

beforeEach(() => {
  events = new EventEmitter();
  runs = 0;
  broker = createEmbeddedBroker({ file: ':memory:', exchange: 're', queues: new Map() });
  return () => broker.close(1_000);
});

function work(run: () => Promise<Outcome> = async () => completed()): Worker {
  return startWorker({ broker, events }, () => {
    runs += 1;
    return run();
  });
}

function drain(worker: Worker, unsent = 0): Promise<DrainEnd> {
  const whyNotConsumed = noteLosses(broker.events);
  return untilDrained({
    events,
    brokerEvents: broker.events,
    workers: () => [worker],
    countWaiting: async (queue, signal) => (await broker.count(queue, signal)) ?? 0,
    countUnsent: async () => unsent,
    whyNot: (one) => describeIntake(one, whyNotConsumed, (text) => text).reason,
    patienceMs: PATIENCE_MS,
  });
}

async function submit(count: number): Promise<void> {
  broker.start();
  await broker.writable();
  await broker.prepare('jobs');
  for (let sent = 0; sent < count; sent += 1)
    await broker.publish({ exchange: '', routingKey: 'jobs', body: Buffer.from('{}'), properties: {} });
}

describe('a drain', () => {
  it('ends when nothing waits and nothing is in hand, not before', async () => {
    await submit(50);
    expect(await drain(work())).toMatchObject({ kind: 'complete' });
    expect(runs).toBe(50);
  });

  it('waits for a job that runs longer than its patience', async () => {
    await submit(1);
    const release = Promise.withResolvers<Outcome>();
    const ended = drain(work(() => release.promise));
    await eventually(() => runs === 1, 'the run');
    const first = await Promise.race([ended, wait(PATIENCE_MS * 5, 'the job')]);
    expect(first).toBe('the job');
    release.resolve(completed());
    expect(await ended).toMatchObject({ kind: 'complete' });
  });

  it('gives up on a broker that stays away, and says why', async () => {
    broker = createAmqpBroker(amqpOptions(`amqp://127.0.0.1:${await freePort()}`));
    const { kind, reason } = await drain(work());
    expect(kind).toBe('out-of-reach');
    expect(reason).toMatch(/^queue jobs is not consumed: no connection: .*; given up after/);
  });

  it('gives up on messages that do not come', async () => {
    const worker = work();
    await eventually(() => worker.intake.state === 'consuming', 'the consumer');
    const unseen = untilDrained({
      events,
      brokerEvents: broker.events,
      workers: () => [worker],
      countWaiting: async () => 3,
      countUnsent: async () => 0,
      whyNot: () => undefined,
      patienceMs: PATIENCE_MS,
    });
    expect(await unseen).toStrictEqual({
      kind: 'out-of-reach',
      reason: expect.stringMatching(/^3 messages wait on queue jobs, and do not come/),
    });
  });

  it('gives up on replies that the broker does not take', async () => {
    expect(await drain(work(), 2)).toStrictEqual({
      kind: 'out-of-reach',
      reason: expect.stringMatching(/^2 replies and dead letters wait for the broker/),
    });
  });

  it('does not wait for a queue that is paused, and says what waits there', async () => {
    await submit(2);
    const worker = work(async () => ({ kind: 'unavailable', reason: 'no such file' }));
    expect(await drain(worker)).toStrictEqual({
      kind: 'incomplete',
      reason: 'queue jobs is paused: r cannot be started: no such file; waiting there: 2',
    });
    await worker.stopIntake();
  });

  it('leaves nothing behind on those that it has listened to', async () => {
    const worker = work();
    const before = () => [events.listenerCount('job:ended'), broker.events.listenerCount('consumer:open')];
    const [jobs, opened] = before();
    await drain(worker);
    expect(before()).toStrictEqual([jobs, (opened ?? 0) + 1]);
  });
});
