import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/broker/broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { decode } from '../../src/protocol/decode.ts';
import { fingerprint } from '../../src/worker/fingerprint.ts';
import { RunningJobs } from '../../src/worker/running.ts';
import { deliveryOf } from '../support/delivery.ts';

const expectations = { runner: 'r', body: 'json', required: [] } as const;

function begin(jobs: RunningJobs, delivery: Delivery) {
  return jobs.begin(decode(delivery, expectations).job, fingerprint(delivery), delivery);
}

const lost = (delivery: Delivery): Delivery => ({ ...delivery, isLost: true });
const sameStep = (): Delivery =>
  deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'release', replyTo: 'q' });

describe('a redelivery', () => {
  it('joins the oldest job of an equal message whose delivery was lost', () => {
    const jobs = new RunningJobs(new EventEmitter<WorkEvents>());
    const [first, second] = [begin(jobs, lost(sameStep())), begin(jobs, lost(sameStep()))];
    const again = deliveryOf(
      { parameters: { command: 'a' } },
      { correlationId: 'release', replyTo: 'q' },
      true,
    );
    expect(jobs.join(fingerprint(again), again)).toBe(true);
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
    expect(jobs.join(fingerprint(again), again)).toBe(false);
  });

  it('never joins a job that has ended', () => {
    const jobs = new RunningJobs(new EventEmitter<WorkEvents>());
    jobs.end(begin(jobs, lost(sameStep())));
    expect(jobs.join(fingerprint(sameStep()), sameStep())).toBe(false);
    expect(jobs.count).toBe(0);
  });
});

describe('a fingerprint', () => {
  it('is the same for a redelivery and differs with queue, body, ids, reply queue and history', () => {
    const one = sameStep();
    const others = [
      { ...one, queue: 'other' },
      deliveryOf({ parameters: { command: 'b' } }, { correlationId: 'release', replyTo: 'q' }),
      deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'other', replyTo: 'q' }),
      deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'release', replyTo: 'p' }),
      deliveryOf(
        { parameters: { command: 'a' } },
        { correlationId: 'release', replyTo: 'q', messageId: 'm' },
      ),
      deliveryOf(
        { parameters: { command: 'a' } },
        { correlationId: 'release', replyTo: 'q', headers: { 'x-rbit-attempt': 2 } },
      ),
    ];
    const prints = [one, ...others].map(fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
    const again = deliveryOf(
      { parameters: { command: 'a' } },
      { correlationId: 'release', replyTo: 'q', headers: { 'x-delivery-count': 1 } },
      true,
    );
    expect(fingerprint(again)).toBe(fingerprint(one));
  });
});
