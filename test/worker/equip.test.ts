import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, QueueOptions } from '../../src/broker/broker.ts';
import { BrokerError } from '../../src/broker/broker-error.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, type Outcome } from '../../src/job/outcome.ts';
import type { Runner } from '../../src/job/runner.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { createRelay } from '../../src/journal/relay.ts';
import { Slots } from '../../src/worker/slots.ts';
import { Worker } from '../../src/worker/worker.ts';
import type { Equipment } from '../../src/worker/workplace.ts';
import { eventually } from '../support/eventually.ts';
import { policy } from './policy.ts';

const EXCHANGE = 're';

let broker: Broker;
let facts: Map<string, QueueOptions>;
let worker: Worker;
let events: EventEmitter<WorkEvents>;
let ended: WorkEvents['job:ended'][0][];

beforeEach(() => {
  facts = new Map();
  broker = createEmbeddedBroker({ file: ':memory:', exchange: EXCHANGE, queues: facts });
  events = new EventEmitter<WorkEvents>();
  ended = [];
  events.on('job:ended', (end) => ended.push(end));
  broker.start();
});
afterEach(async () => {
  await worker.stopIntake();
  await broker.close(1000);
});

/** A runner whose jobs end when they are told to. */
class SlowRunner implements Runner {
  readonly name = policy.runner;
  readonly ends: ((outcome: Outcome) => void)[] = [];
  begun = 0;

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  run(): Promise<Outcome> {
    this.begun += 1;
    return new Promise((resolve) => this.ends.push(resolve));
  }

  /** Ends its oldest job. */
  async end(outcome: Outcome = completed()): Promise<void> {
    (await eventually(() => this.ends.shift(), 'a job to end'))(outcome);
  }
}

function equipmentOf(runner: Runner, concurrency: number, slots = new Slots(concurrency)): Equipment {
  const speech = {
    relay: createRelay(broker),
    publishLoosely: () => false,
    events,
    exchange: undefined,
    replyAllowed: () => true,
    replyGapMs: 0,
  };
  return { runner, policy: { ...policy, concurrency }, slots, speech };
}

async function work(equipment: Equipment, at = broker): Promise<void> {
  worker = new Worker({
    queue: 'jobs',
    comesAgainMs: 60_000,
    broker: at,
    journal: createMemoryJournal(),
    suspects: new Slots(1),
    admit: () => true,
    events,
    mask: (text) => text,
    ...equipment,
  });
  worker.start();
  await eventually(() => worker.intake.state === 'consuming', 'the consumer');
}

async function submit(count: number): Promise<void> {
  for (let job = 0; job < count; job += 1)
    await broker.publish({ exchange: '', routingKey: 'jobs', body: Buffer.from('{}'), properties: {} });
}

/** A broker that makes no wait queues. */
function withoutDelays(one: Broker): Broker {
  return {
    ...one,
    consume: (queue, { prefetch, onDelivery }) =>
      one.consume(queue, {
        prefetch,
        onDelivery(delivery) {
          const requeue = delivery.requeue.bind(delivery);
          delivery.requeue = async (options) => {
            if (options.delayMs > 0) throw new BrokerError('refused', 'ACCESS_REFUSED');
            return requeue(options);
          };
          onDelivery(delivery);
        },
      }),
  };
}

/** Resolves when a message has gone by a routing key to a queue. */
async function routed(routingKey: string): Promise<void> {
  const publication = { exchange: EXCHANGE, routingKey, body: Buffer.from('{}'), properties: {} };
  await eventually(async () => (await broker.publish(publication)) === 'routed', 'the binding');
}

/** A worker with one job at a time, whose runner could not be started, and is being tried by the first of two jobs. */
async function probeWithTwo(runner: SlowRunner): Promise<void> {
  await work(equipmentOf(runner, 1));
  await submit(2);
  await runner.end({ kind: 'unavailable', reason: 'gone' });
  await eventually(() => worker.intake.state === 'paused', 'the pause');
  worker.release('operator');
  await eventually(() => runner.begun === 2, 'the probe');
}

describe('a worker that is equipped anew', () => {
  it('works what comes from then on with it, and what is in hand with what it came for', async () => {
    const [old, next] = [new SlowRunner(), new SlowRunner()];
    const slots = new Slots(1);
    await work(equipmentOf(old, 1, slots));
    await submit(2);
    await eventually(() => old.begun === 1, 'the first job');
    worker.equip(equipmentOf(next, 1, slots), false);
    let isFinished = false;
    const finished = worker.finishedWith(old).finally(() => {
      isFinished = true;
    });
    expect([next.begun, isFinished]).toEqual([0, false]);
    await old.end();
    await eventually(() => next.begun === 1, 'the second job');
    await finished;
    expect(old.begun).toBe(1);
    await next.end();
    await eventually(() => ended.length === 2, 'both ends');
  });

  it('runs more jobs at once, or fewer when enough have ended', async () => {
    const runner = new SlowRunner();
    const slots = new Slots(1);
    await work(equipmentOf(runner, 1, slots));
    await submit(8);
    await eventually(() => runner.begun === 1, 'one');
    slots.resize(3);
    worker.equip(equipmentOf(runner, 3, slots), false);
    await eventually(() => runner.begun === 3, 'three');
    slots.resize(2);
    worker.equip(equipmentOf(runner, 2, slots), false);
    await runner.end();
    await eventually(() => ended.length === 1, 'the first end');
    expect(runner.begun).toBe(3);
    await runner.end();
    await eventually(() => runner.begun === 4, 'the fourth');
    expect(worker.running.count).toBe(2);
    for (let job = 0; job < 6; job += 1) await runner.end();
    await eventually(() => ended.length === 8, 'all of them');
  });

  it('believes nothing that the runner before it says of itself', async () => {
    const [old, next] = [new SlowRunner(), new SlowRunner()];
    await work(equipmentOf(old, 1));
    await submit(1);
    await eventually(() => old.begun === 1, 'the job');
    worker.equip(equipmentOf(next, 1), false);
    await old.end({ kind: 'unavailable', reason: 'gone' });
    await eventually(() => next.begun === 1, 'the same job again');
    expect(worker.intake.state).toBe('consuming');
    await next.end();
    await eventually(() => ended.length === 2, 'its end');
  });

  it('tries a runner at once that is another than the one that could not be started', async () => {
    const [broken, next] = [new SlowRunner(), new SlowRunner()];
    await work(equipmentOf(broken, 1));
    await submit(1);
    await broken.end({ kind: 'unavailable', reason: 'gone' });
    await eventually(() => worker.intake.state === 'paused', 'the pause');
    worker.equip(equipmentOf(next, 1), false);
    expect(worker.intake.state).toBe('probing');
    await eventually(() => next.begun === 1, 'the probe');
    await next.end();
    await eventually(() => worker.intake.state === 'consuming', 'the end of the pause');
    expect(broken.begun).toBe(1);
  });

  it('begins another probe when it is equipped during one', async () => {
    const [broken, next] = [new SlowRunner(), new SlowRunner()];
    await work(equipmentOf(broken, 1));
    await submit(2);
    await broken.end({ kind: 'unavailable', reason: 'gone' });
    await eventually(() => worker.intake.state === 'paused', 'the pause');
    worker.release('operator');
    await eventually(() => broken.begun === 2, 'the probe');
    worker.equip(equipmentOf(next, 2), false);
    await eventually(() => next.begun === 1, 'the second probe');
    await next.end();
    await eventually(() => worker.intake.state === 'consuming', 'the end of the pause');
    await broken.end();
    await eventually(() => ended.length === 3, 'both ends');
  });

  it.each([
    ['is equipped', () => {}, false],
    ['is equipped, and its queue is another', () => {}, true],
    ['is held and released', () => worker.hold('operator'), false],
  ])('runs one job at a time where only one may run, though it %s during a probe', async (_, hold, other) => {
    const [old, next] = [new SlowRunner(), new SlowRunner()];
    await probeWithTwo(old);
    hold();
    worker.equip(equipmentOf(next, 1), other);
    worker.release('operator');
    // What is asked of the broker after it has opened the consumer is done after what that one takes.
    await eventually(async () => (await broker.countConsumers('jobs')) === 1, 'the consumer');
    for (let turn = 0; turn < 5; turn += 1) await submit(1);
    expect([worker.running.count, next.begun]).toEqual([1, 0]);
    await old.end();
    for (let job = 0; job < 6; job += 1) await next.end();
    await eventually(() => ended.length === 8, 'all ends');
    expect([old.begun, next.begun, worker.intake.state]).toEqual([2, 6, 'consuming']);
  });

  it('has a new binding of its queue at once, also while it is held', async () => {
    const equipment = equipmentOf(new SlowRunner(), 1);
    await work(equipment);
    worker.hold('operator');
    await eventually(async () => (await broker.countConsumers('jobs')) === 0, 'the pause');
    facts.set('jobs', { bind: ['key'], deadLetter: 'jobs.dead' });
    worker.equip(equipment, true);
    await routed('key');
    expect([await broker.count('jobs'), worker.intake.state]).toEqual([1, 'paused']);
  });

  it('stays as an operator has left it', async () => {
    const runner = new SlowRunner();
    await work(equipmentOf(runner, 1));
    worker.hold('operator');
    worker.equip(equipmentOf(new SlowRunner(), 2), true);
    expect(worker.intake).toEqual({ state: 'paused', by: 'operator' });
    await submit(1);
    expect(await broker.count('jobs')).toBe(1);
  });
});

describe('a worker that leaves its queue', () => {
  it('takes nothing new, and is done when what it has in hand is', async () => {
    const runner = new SlowRunner();
    await work(equipmentOf(runner, 1));
    await submit(2);
    await eventually(() => runner.begun === 1, 'the job');
    let isDone = false;
    const done = worker.leave().finally(() => {
      isDone = true;
    });
    expect(worker.intake.state).toBe('leaving');
    await eventually(async () => (await broker.countConsumers('jobs')) === 0, 'the end of the consumer');
    expect(isDone).toBe(false);
    await runner.end();
    await done;
    expect(ended).toMatchObject([{ outcome: { kind: 'completed' }, disposal: 'acknowledged' }]);
    expect([runner.begun, await broker.count('jobs')]).toEqual([1, 1]);
  });

  it('puts back what has not begun', async () => {
    const runner = new SlowRunner();
    const slots = new Slots(1);
    const taken = await slots.take();
    await work(equipmentOf(runner, 1, slots));
    await submit(1);
    await eventually(() => worker.running.count === 1, 'the job that waits');
    await worker.leave();
    expect(ended).toMatchObject([
      { outcome: { kind: 'interrupted', reason: 'its queue is not worked here any more' }, goesBack: true },
    ]);
    expect([runner.begun, await broker.count('jobs')]).toEqual([0, 1]);
    taken?.();
  });

  it('settles what the broker does not take as it should, however often that is tried', async () => {
    const runner = new SlowRunner();
    await work(equipmentOf(runner, 1), withoutDelays(broker));
    await submit(1);
    await eventually(() => runner.begun === 1, 'the job');
    const done = worker.leave();
    await runner.end({ kind: 'blocked', reason: 'r', delayMs: 20 });
    await done;
    expect([ended.length, await broker.count('jobs')]).toEqual([1, 1]);
  });

  it('goes on at once when it is taken on again, with as many jobs as it may have beside those from before', async () => {
    const runner = new SlowRunner();
    const slots = new Slots(1);
    await work(equipmentOf(runner, 1, slots));
    await submit(3);
    await eventually(() => runner.begun === 1, 'the job');
    const left = worker.leave();
    slots.resize(2);
    worker.takeOn(equipmentOf(runner, 2, slots));
    await eventually(() => runner.begun === 2, 'the second job');
    expect(worker.intake.state).toBe('consuming');
    for (let job = 0; job < 3; job += 1) await runner.end();
    await left;
    await eventually(() => ended.length === 3, 'all ends');
    expect(worker.intake.state).toBe('consuming');
  });

  it('leaves no listener behind when it is stopped', async () => {
    const before = broker.events.listenerCount('consumer:open');
    await work(equipmentOf(new SlowRunner(), 1));
    await worker.leave();
    await worker.stopIntake();
    expect(broker.events.listenerCount('consumer:open')).toBe(before);
  });
});
