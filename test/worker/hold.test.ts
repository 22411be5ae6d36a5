import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, type Outcome } from '../../src/job/outcome.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { createRelay } from '../../src/journal/relay.ts';
import { Slots } from '../../src/worker/slots.ts';
import { Worker } from '../../src/worker/worker.ts';
import { eventually } from '../support/eventually.ts';
import { policy } from './policy.ts';

let broker: Broker;
let worker: Worker;
let events: EventEmitter<WorkEvents>;
let outcome: Outcome;
let runs: number;
let probes: number;
let nextProbeAt: number;

beforeEach(async () => {
  broker = createEmbeddedBroker({ file: ':memory:', exchange: 're', queues: new Map() });
  events = new EventEmitter<WorkEvents>();
  [outcome, runs, probes] = [completed(), 0, 0];
  events.on('queue:probing', () => {
    probes += 1;
  });
  events.on('queue:paused', ({ retryInMs }) => {
    nextProbeAt = performance.now() + retryInMs;
  });
  worker = makeWorker(broker, 1, async () => {
    runs += 1;
    return outcome;
  });
  broker.start();
  worker.start();
  await eventually(() => worker.intake.state === 'consuming', 'the consumer');
});
afterEach(async () => {
  await worker.stopIntake();
  await broker.close(1000);
});

function makeWorker(on: Broker, concurrency: number, run: () => Promise<Outcome>): Worker {
  return new Worker({
    queue: 'jobs',
    comesAgainMs: 60_000,
    broker: on,
    runner: { name: 'r', start: async () => {}, stop: async () => {}, run },
    policy: { ...policy, concurrency },
    journal: createMemoryJournal(),
    speech: {
      relay: createRelay(on),
      publishLoosely: () => false,
      events,
      exchange: undefined,
      replyAllowed: () => true,
      replyGapMs: 0,
    },
    slots: new Slots(concurrency),
    suspects: new Slots(1),
    admit: () => true,
    events,
    mask: (text) => text.replace('secret', '***'),
  });
}

/** A broker that takes its time to say that a consumer has paused, as RabbitMQ does on a busy line. */
function slowToPause(one: Broker, pauses: PromiseWithResolvers<void>[]): Broker {
  const consume: Broker['consume'] = (queue, options) => {
    const consumer = one.consume(queue, options);
    const pause = async (): Promise<void> => {
      await consumer.pause();
      const said = Promise.withResolvers<void>();
      pauses.push(said);
      await said.promise;
    };
    return {
      queue,
      get state() {
        return consumer.state;
      },
      pause,
      resume: (more) => consumer.resume(more),
      renew: (prefetch) => consumer.renew(prefetch),
      stop: () => consumer.stop(),
      caughtUp: () => consumer.caughtUp(),
    };
  };
  return new Proxy(one, {
    get(target, key) {
      if (key === 'consume') return consume;
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function submit(): Promise<void> {
  await broker.publish({ exchange: '', routingKey: 'jobs', body: Buffer.from('{}'), properties: {} });
}

async function consumers(): Promise<number | undefined> {
  return broker.countConsumers('jobs');
}

describe('a queue that is held', () => {
  it('gives nothing new until its holder releases it', async () => {
    expect(worker.hold('operator')).toBe(true);
    expect(worker.hold('operator')).toBe(false);
    expect(worker.intake).toStrictEqual({ state: 'paused', by: 'operator' });
    await eventually(async () => (await consumers()) === 0, 'the end of the consumer');
    await submit();
    expect(await broker.count('jobs')).toBe(1);
    expect(runs).toBe(0);
    expect(worker.release('operator')).toBe(true);
    await eventually(() => runs === 1, 'the run');
  });

  it('by two goes on when both have released it', async () => {
    worker.hold('operator');
    worker.hold('journal');
    worker.release('operator');
    expect(worker.intake).toStrictEqual({ state: 'paused', by: 'journal' });
    await submit();
    expect(await consumers()).toBe(0);
    worker.release('journal');
    await eventually(() => runs === 1, 'the run');
  });

  it('is announced when an operator does it, once', () => {
    const announced: string[] = [];
    events.on('queue:held', () => announced.push('held'));
    events.on('queue:released', () => announced.push('released'));
    for (const holder of ['operator', 'journal'] as const) {
      worker.hold(holder);
      worker.hold(holder);
      worker.release(holder);
      worker.release(holder);
    }
    expect(announced).toStrictEqual(['held', 'released']);
  });

  it('takes nothing back that has no holder: releasing it says that nothing was to be done', () => {
    expect(worker.release('operator')).toBe(false);
    expect(worker.intake.state).toBe('consuming');
  });
});

describe('a queue whose runner cannot be started', () => {
  beforeEach(async () => {
    outcome = { kind: 'unavailable', reason: 'no secret program' };
    await submit();
    await eventually(() => worker.intake.state === 'paused', 'the pause');
  });

  it('says so, with secrets masked', () => {
    expect(worker.intake).toStrictEqual({ state: 'paused', by: 'runner', reason: 'no *** program' });
  });

  it('is tried at once when an operator resumes it, and works on when that succeeds', async () => {
    outcome = completed();
    expect(worker.release('operator')).toBe(true);
    expect(probes).toBe(1);
    expect(worker.intake).toMatchObject({ state: 'probing', by: 'runner' });
    await eventually(() => worker.intake.state === 'consuming', 'the end of the probe');
    expect(runs).toBe(2);
  });

  it('is not tried as long as it is held, but when it is released', async () => {
    worker.hold('operator');
    await eventually(() => performance.now() > nextProbeAt + 100, 'the time of the next probe');
    expect([probes, runs]).toStrictEqual([0, 1]);
    outcome = completed();
    worker.release('operator');
    await eventually(() => worker.intake.state === 'consuming', 'the end of the probe');
    expect([probes, runs]).toStrictEqual([1, 2]);
  });
});

it('a queue whose runner fails again while its intake is being opened stays closed', async () => {
  await worker.stopIntake();
  const pauses: PromiseWithResolvers<void>[] = [];
  const ends: Array<(end: Outcome) => void> = [];
  let begun = 0;
  worker = makeWorker(slowToPause(broker, pauses), 3, () => {
    begun += 1;
    return new Promise((resolve) => ends.push(resolve));
  });
  worker.start();
  for (let job = 0; job < 6; job += 1) await submit();
  await eventually(() => ends.length === 3, 'three jobs');
  ends.shift()?.({ kind: 'unavailable', reason: 'gone' });
  (await eventually(() => pauses.shift(), 'the first pause')).resolve();
  worker.release('operator');
  await eventually(() => ends.length === 3, 'the probe');
  // The probe is good, and while the intake is being opened an older job says the opposite.
  ends.pop()?.(completed());
  const opening = await eventually(() => pauses.shift(), 'the intake that is being opened');
  ends.shift()?.({ kind: 'unavailable', reason: 'gone again' });
  await eventually(() => worker.intake.state === 'paused', 'the second pause');
  const before = begun;
  opening.resolve();
  await eventually(() => pauses.shift()?.resolve() ?? true, 'the end of the second pause');
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(worker.intake.state).toBe('paused');
  expect(begun).toBe(before);
  expect(await consumers()).toBe(0);
  for (const end of ends) end(completed());
});
