import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/broker/broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { decode } from '../../src/protocol/decode.ts';
import { printOf } from '../../src/journal/message-print.ts';
import { RunningJobs } from '../../src/worker/running.ts';
import { deliveryOf } from '../support/delivery.ts';
import { altered } from '../support/altered.ts';

const expectations = { runner: 'r', body: 'json', required: [] } as const;

function begin(jobs: RunningJobs, delivery: Delivery) {
  return jobs.begin(decode(delivery, expectations).job, printOf(delivery), delivery);
}

const lost = (delivery: Delivery): Delivery => altered(delivery, { isLost: true });
const sameStep = (): Delivery =>
  deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'release', replyTo: 'q' });

describe('cancelling', () => {
  it('concerns the jobs that are meant, all of them, and none whose end is decided', () => {
    const jobs = new RunningJobs(new EventEmitter<WorkEvents>());
    const [waiting, running, settling] = [sameStep(), sameStep(), sameStep()].map((one) => begin(jobs, one));
    const other = begin(jobs, deliveryOf({}, { correlationId: 'other' }));
    if (running !== undefined) running.stage = 'running';
    if (settling !== undefined) settling.stage = 'settling';
    expect(jobs.cancel(({ id }) => id === 'release')).toBe(2);
    expect([waiting, running, settling, other].map((one) => one?.callOff.signal.aborted)).toStrictEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('a redelivery', () => {
  it('joins the oldest job of an equal message whose delivery was lost', () => {
    const jobs = new RunningJobs(new EventEmitter<WorkEvents>());
    const [first, second] = [begin(jobs, lost(sameStep())), begin(jobs, lost(sameStep()))];
    const again = deliveryOf(
      { parameters: { command: 'a' } },
      { correlationId: 'release', replyTo: 'q' },
      true,
    );
    expect(jobs.join(printOf(again), again)).toBe(true);
    expect(first.delivery).toBe(again);
    expect(second.delivery).not.toBe(again);
  });

  it('never joins a job whose own delivery is good: two equal messages are two jobs', () => {
    const jobs = new RunningJobs(new EventEmitter<WorkEvents>());
    begin(jobs, sameStep());
    const again = deliveryOf(
      { parameters: { command: 'a' } },
      { correlationId: 'release', replyTo: 'q' },
      true,
    );
    expect(jobs.join(printOf(again), again)).toBe(false);
  });

  it('never joins a job that has ended', () => {
    const jobs = new RunningJobs(new EventEmitter<WorkEvents>());
    jobs.end(begin(jobs, lost(sameStep())));
    expect(jobs.join(printOf(sameStep()), sameStep())).toBe(false);
    expect(jobs.count).toBe(0);
  });
});
