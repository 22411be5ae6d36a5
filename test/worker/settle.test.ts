import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { Delivery } from '../../src/broker/broker.ts';
import { BrokerError } from '../../src/broker/broker-error.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { decode } from '../../src/protocol/decode.ts';
import { decide } from '../../src/worker/decide.ts';
import { RunningJobs } from '../../src/worker/running.ts';
import { describeDisposal, settle } from '../../src/worker/settle.ts';
import { deliveryOf } from '../support/delivery.ts';
import { policy } from './policy.ts';

const fresh = { attempt: 1, blocked: 0, retries: 0, started: true, replied: false };
const events = new EventEmitter<WorkEvents>();
const message = { queue: 'jobs', print: 'print', identity: 'correlation' } as const;
const entry = { acking: async () => {}, moved: async () => {} };
const at = { events, closing: new AbortController().signal };

/** A job that was blocked, in hand by a delivery that settles as `answers` say. */
function blockedJob(answers: Partial<Delivery>) {
  const delivery = { ...deliveryOf({}), ...answers };
  const jobs = new RunningJobs(events);
  const { job } = decode(delivery, policy);
  const running = jobs.begin(job, message, delivery);
  return { jobs, running, verdict: decide({ kind: 'blocked', reason: 'r' }, job, fresh, policy) };
}

it('a message that came again while its copy was made is acknowledged, not copied twice', async () => {
  const again = { ...deliveryOf({}, {}, true), ack: async () => 'settled' as const };
  const { jobs, running, verdict } = blockedJob({
    isLost: true,
    async requeue() {
      expect(jobs.join(message, again)).toBe(true);
      return 'moved';
    },
  });
  expect(await settle(running, verdict, entry, at)).toMatchObject({ settlement: 'settled' });
  expect(running.delivery).toBe(again);
});

it('where no wait queue may be made, a delay is waited for here and the message put back at once', async () => {
  const delays: number[] = [];
  const { running, verdict } = blockedJob({
    async requeue({ delayMs }) {
      delays.push(delayMs);
      if (delayMs > 0) throw new BrokerError('refused', 'ACCESS_REFUSED');
      return 'settled';
    },
  });
  const disposal = { ...verdict.disposal, delayMs: 20 };
  const before = performance.now();
  expect(describeDisposal(await settle(running, { ...verdict, disposal }, entry, at))).toBe('put back');
  expect(delays).toStrictEqual([20, 0]);
  // Timers count whole milliseconds.
  expect(performance.now() - before).toBeGreaterThan(18);
});

it('what is done instead of keeping a message is what is said of it', async () => {
  const { running, verdict } = blockedJob({
    async deadLetter() {
      throw new BrokerError('full', 'no room');
    },
    requeue: async () => 'settled',
  });
  const kept = { ...verdict, disposal: { kind: 'dead-letter', headers: {} } } as const;
  expect(describeDisposal(await settle(running, kept, entry, at))).toBe('put back for 1m');
});

it('what the broker cannot do is told, and during a stop not tried again: the message comes again', async () => {
  const told: unknown[] = [];
  const onStuck = ({ reason }: { reason: string }): void => void told.push(reason);
  events.on('settle:stuck', onStuck);
  let tries = 0;
  const { running, verdict } = blockedJob({
    async requeue() {
      tries += 1;
      throw new BrokerError('full', 'no room');
    },
  });
  expect(await settle(running, verdict, entry, { events, closing: AbortSignal.abort() })).toMatchObject({
    settlement: 'lost',
  });
  events.off('settle:stuck', onStuck);
  expect({ told, tries }).toStrictEqual({ told: ['no room'], tries: 1 });
});

it('an error of our own is nothing to try again', async () => {
  const { running, verdict } = blockedJob({
    async requeue() {
      throw new TypeError('a bug');
    },
  });
  await expect(settle(running, verdict, entry, at)).rejects.toThrow('a bug');
});
