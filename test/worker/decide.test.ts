import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { completed, crashed, failed } from '../../src/job/outcome.ts';
import { decode } from '../../src/protocol/decode.ts';
import type { History } from '../../src/protocol/history.ts';
import { decide, refuse } from '../../src/worker/decide.ts';
import { delayAfter } from '../../src/worker/policy.ts';
import { deliveryOf } from '../support/delivery.ts';
import { policy } from './policy.ts';

const fresh: History = { attempt: 1, blocked: 0, retries: 0, started: true, replied: false };
const { job } = decode(deliveryOf({}, { correlationId: 'c' }), policy);

describe('what follows from an outcome', () => {
  it('completed: replied and acknowledged', () => {
    expect(decide(completed(7), job, fresh, policy)).toMatchObject({
      reply: { kind: 'completed', data: 7 },
      disposal: { kind: 'ack' },
    });
  });

  it('what a runner calls failed is final, whatever retries are left', () => {
    expect(decide(failed('no'), job, fresh, { ...policy, retries: 5 })).toMatchObject({
      reply: { kind: 'failed', message: 'no' },
      disposal: { kind: 'ack' },
    });
  });

  it('a failure that nobody declared is retried in silence, with growing delays, then final', () => {
    const retrying = { ...policy, retries: 2 };
    const first = decide(crashed('exit code 1'), job, fresh, retrying);
    expect(first).not.toHaveProperty('reply');
    expect(first.disposal).toMatchObject({
      kind: 'requeue',
      delayMs: 1_000,
      headers: { 'x-rbit-attempt': 2, 'x-rbit-retries': 1, 'x-rbit-blocked': 0, 'x-rbit-started': true },
    });
    const second = decide(crashed('exit code 1'), job, { ...fresh, attempt: 2, retries: 1 }, retrying);
    expect(second.disposal).toMatchObject({
      delayMs: 2_000,
      headers: { 'x-rbit-attempt': 3, 'x-rbit-retries': 2 },
    });
    const last = decide(crashed('exit code 1'), job, { ...fresh, attempt: 3, retries: 2 }, retrying);
    expect(last).toMatchObject({ reply: { message: 'exit code 1' }, disposal: { kind: 'ack' } });
  });

  it('keep-failed keeps the message of every final failure, with the reason', () => {
    const keeping = { ...policy, keepFailed: true };
    for (const outcome of [failed('no such package'), crashed('no such package')]) {
      expect(decide(outcome, job, fresh, keeping)).toMatchObject({
        reply: { kind: 'failed' },
        disposal: {
          kind: 'dead-letter',
          headers: {
            'x-rbit-reason': 'no such package',
            'x-rbit-attempt': 1,
            'x-rbit-queue': 'jobs',
            'x-rbit-runner': 'r',
            'x-rbit-host': hostname(),
          },
        },
      });
    }
    expect(decide(completed(), job, fresh, keeping).disposal.kind).toBe('ack');
  });

  it('blocked goes back in silence with doubling delays, or with the delay the runner named', () => {
    const blocked = { kind: 'blocked', reason: 'waiting for DB' } as const;
    const delays = [0, 1, 2, 3, 60].map((count) => {
      const verdict = decide(blocked, job, { ...fresh, blocked: count }, policy);
      expect(verdict).not.toHaveProperty('reply');
      return verdict.disposal.kind === 'requeue' && verdict.disposal.delayMs;
    });
    expect(delays).toStrictEqual([30_000, 60_000, 120_000, 120_000, 120_000]);
    expect(decide({ ...blocked, delayMs: 5 }, job, fresh, policy).disposal).toMatchObject({
      delayMs: 5,
      headers: { 'x-rbit-attempt': 2, 'x-rbit-blocked': 1, 'x-rbit-retries': 0 },
    });
  });

  it('blocked-limit runs make it a final failure that names the reason', () => {
    const limited = { ...policy, blockedLimit: 3, retries: 9 };
    const blocked = { kind: 'blocked', reason: 'waiting for DB' } as const;
    expect(decide(blocked, job, { ...fresh, blocked: 1 }, limited).disposal.kind).toBe('requeue');
    expect(decide(blocked, job, { ...fresh, blocked: 2 }, limited)).toMatchObject({
      reply: { message: 'still blocked after 3 tries: waiting for DB' },
      disposal: { kind: 'ack' },
    });
  });

  it('interrupted and unavailable go back at once, in silence and uncounted', () => {
    for (const kind of ['interrupted', 'unavailable'] as const) {
      const verdict = decide(
        { kind, reason: 'r' },
        job,
        { ...fresh, attempt: 4 },
        { ...policy, blockedLimit: 1 },
      );
      expect(verdict).not.toHaveProperty('reply');
      expect(verdict.disposal).toMatchObject({
        kind: 'requeue',
        delayMs: 0,
        headers: { 'x-rbit-attempt': 4 },
      });
    }
  });

  it('a message that is no job is answered failed and kept', () => {
    expect(refuse(failed('not JSON'), job)).toMatchObject({
      reply: { kind: 'failed', message: 'not JSON' },
      disposal: { kind: 'dead-letter', headers: { 'x-rbit-reason': 'not JSON' } },
    });
  });

  it('delays never overflow', () => {
    expect(delayAfter({ minMs: 1, maxMs: 900_000 }, 1e9)).toBe(900_000);
    expect(delayAfter({ minMs: 0, maxMs: 0 }, 1e9)).toBe(0);
  });
});
