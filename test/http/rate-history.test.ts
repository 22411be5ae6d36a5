import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { type RatePoint, recordRates } from '../../src/http/rate-history.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, crashed, failed, type Outcome } from '../../src/job/outcome.ts';

const START = 1_000_000_000_000;
const ALL = { window: '5m', from: 0, queue: undefined } as const;

let events: EventEmitter<WorkEvents>;
let now: number;
let rates: ReturnType<typeof recordRates>;

beforeEach(() => {
  events = new EventEmitter();
  now = START;
  rates = recordRates(events, () => now);
});

function end(
  outcome: Outcome,
  { queue = 'q', durationMs = 100, isFinal = true, goesBack = false, isRepeated = false } = {},
): void {
  const run = { queue, runner: 'r', id: '1', attempt: 1, run: 1 };
  events.emit('job:ran', { ...run, durationMs });
  const rest = { durationMs, disposal: 'acknowledged', because: 'so', reply: 'none' } as const;
  events.emit('job:ended', { ...run, outcome, isFinal, goesBack, isRepeated, ...rest });
}

const counts = ({ completed: a, failed: b, blocked: c, returned: d }: RatePoint): number[] => [a, b, c, d];

describe('the rates', () => {
  it('count each end as what it is', () => {
    end(completed());
    end(failed('no'));
    end(crashed('exit code 1'), { isFinal: false, goesBack: true });
    end({ kind: 'blocked', reason: 'locked' }, { isFinal: false, goesBack: true });
    end({ kind: 'interrupted', reason: 'stop' }, { isFinal: false, goesBack: true });
    end({ kind: 'unavailable', reason: 'missing' }, { isFinal: false, goesBack: true });
    expect(rates.read(ALL).points.map(counts)).toStrictEqual([[1, 1, 1, 3]]);
  });

  it('do not count twice what is only told again, or was answered before', () => {
    end(completed(), { isRepeated: true });
    end(failed('answered'), { isFinal: false });
    expect(rates.read(ALL).points.map(counts)).toStrictEqual([[0, 0, 0, 0]]);
  });

  it('are told for each queue and for all, with how long runs took', () => {
    end(completed(), { queue: 'a', durationMs: 10 });
    end(completed(), { queue: 'b', durationMs: 10_000 });
    const [a] = rates.read({ ...ALL, queue: 'a' }).points;
    expect(a).toMatchObject({ completed: 1 });
    expect(a?.p95).toBeLessThan(15);
    const [both] = rates.read(ALL).points;
    expect(both).toMatchObject({ completed: 2 });
    expect(both?.p95).toBeGreaterThan(7_500);
    expect(rates.read({ ...ALL, queue: 'nobody' }).points).toStrictEqual([]);
  });

  it('go back five minutes by steps of ten seconds, or an hour by minutes, and no further', () => {
    end(completed());
    now += 290_000;
    expect(rates.read(ALL)).toMatchObject({ stepMs: 10_000, steps: 30, points: [{ completed: 1 }] });
    now += 20_000;
    end(completed());
    expect(rates.read(ALL).points).toMatchObject([{ completed: 1 }]);
    expect(rates.read({ ...ALL, window: '1h' })).toMatchObject({ stepMs: 60_000, steps: 60 });
    const sum = (): number =>
      rates.read({ ...ALL, window: '1h' }).points.reduce((all, one) => all + one.completed, 0);
    expect(sum()).toBe(2);
    now = START + 3_600_000 + 60_000;
    expect(sum()).toBe(1);
    now += 3_600_000;
    expect(sum()).toBe(0);
  });

  it('are told from a step on, for whoever knows what was before', () => {
    end(completed());
    now += 20_000;
    end(failed('no'));
    const step = Math.floor(now / 10_000);
    expect(rates.read({ ...ALL, from: step }).points).toMatchObject([{ step, failed: 1, completed: 0 }]);
  });

  it('forget a slot of the hour before when a new one takes its place', () => {
    end(completed());
    now += 3_600_000;
    end(failed('no'));
    expect(rates.read(ALL).points.map(counts)).toStrictEqual([[0, 1, 0, 0]]);
  });
});
