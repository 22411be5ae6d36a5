import { describe, expect, it } from 'vitest';
import { kindOf } from './kinds.ts';
import { makePlan } from './plan.ts';
import { rowOf } from './plan-faults.ts';
import { campaignQueues } from './queues.ts';

const OPTIONS = { seed: 7, forMs: 600_000, jobsPerSecond: 5, withReceipt: true };
const plan = makePlan(OPTIONS);

describe('a plan', () => {
  it('is the same for the same options, and another one for another seed', () => {
    expect(makePlan(OPTIONS)).toEqual(plan);
    const other = makePlan({ ...OPTIONS, seed: 8 });
    expect(other.jobs).not.toEqual(plan.jobs);
    expect(other.faults).not.toEqual(plan.faults);
  });

  it('meets the same faults with more jobs', () => {
    expect(makePlan({ ...OPTIONS, jobsPerSecond: 50 }).faults).toEqual(plan.faults);
  });

  it('has every fault and every kind of job, and something for each queue', () => {
    expect(new Set(plan.faults.map(({ kind }) => kind)).size).toBe(10);
    expect(new Set(plan.jobs.map(({ kind }) => kind)).size).toBe(9);
    const used = new Set([...plan.jobs, ...plan.releases].map(({ queue }) => queue));
    expect([...used].sort()).toEqual(
      campaignQueues(true)
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('has jobs with names of their own', () => {
    const keys = [...plan.jobs, ...plan.releases].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('keeps everything within its time, and no fault beside another of its row', () => {
    for (const { atMs } of [...plan.jobs, ...plan.releases]) expect(atMs).toBeLessThanOrEqual(OPTIONS.forMs);
    for (const row of ['network', 'daemon', 'broker']) {
      let freeMs = 0;
      for (const { kind, atMs, durationMs } of plan.faults) {
        if (rowOf(kind) !== row) continue;
        expect(atMs).toBeGreaterThan(freeMs);
        freeMs = atMs + durationMs;
      }
      expect(freeMs).toBeLessThanOrEqual(OPTIONS.forMs);
    }
  });

  it('gives no job more runs than its runner does', () => {
    for (const { kind, tries } of plan.jobs) expect(kindOf(kind).neededRuns(tries)).toBeLessThanOrEqual(3);
  });
});
