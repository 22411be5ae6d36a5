import { describe, expect, it } from 'vitest';
import { IntakeWatch, type WorkFacts } from '../../../src/daemon/systemd/intake-watch.ts';
import type { QueueIntake } from '../../../src/http/queue-intake.ts';

const PATIENCE_MS = 1_000;

function queue(name: string, state: QueueIntake['state'], by?: QueueIntake['by']): QueueIntake {
  return { queue: name, runner: 'r', state, ...(by === undefined ? {} : { by }) };
}

function facts(queues: readonly QueueIntake[], more: Partial<WorkFacts> = {}): WorkFacts {
  return { queues, inHand: 0, brokerTrouble: undefined, ...more };
}

const MISSING = [queue('a', 'consuming'), queue('b', 'not-consumed')];

describe('a new start is needed', () => {
  it('for a queue without a consumer, once patience is over', () => {
    const watch = new IntakeWatch(PATIENCE_MS);
    expect(watch.findStuck(facts(MISSING), 5_000)).toBe(undefined);
    expect(watch.findStuck(facts(MISSING), 5_999)).toBe(undefined);
    expect(watch.findStuck(facts(MISSING), 6_000)).toMatchObject({ queue: 'b' });
  });

  it('not for one that was consumed in between: its time begins anew', () => {
    const watch = new IntakeWatch(PATIENCE_MS);
    watch.findStuck(facts(MISSING), 0);
    watch.findStuck(facts([queue('a', 'consuming'), queue('b', 'consuming')]), 900);
    watch.findStuck(facts(MISSING), 950);
    expect(watch.findStuck(facts(MISSING), 1_900)).toBe(undefined);
    expect(watch.findStuck(facts(MISSING), 1_950)).toMatchObject({ queue: 'b' });
  });

  it('not while the broker is away, nor at once when it is back', () => {
    const watch = new IntakeWatch(PATIENCE_MS);
    watch.findStuck(facts(MISSING), 0);
    const away = facts(MISSING, { brokerTrouble: 'no connection' });
    expect(watch.findStuck(away, 60_000)).toBe(undefined);
    expect(watch.findStuck(facts(MISSING), 60_100)).toBe(undefined);
    expect(watch.findStuck(facts(MISSING), 61_100)).toMatchObject({ queue: 'b' });
  });

  it('not while jobs are in hand, but as soon as they have ended', () => {
    const watch = new IntakeWatch(PATIENCE_MS);
    watch.findStuck(facts(MISSING), 0);
    expect(watch.findStuck(facts(MISSING, { inHand: 1 }), 5_000)).toBe(undefined);
    expect(watch.findStuck(facts(MISSING), 5_001)).toMatchObject({ queue: 'b' });
  });

  it.each([
    ['consuming', undefined],
    ['paused', 'operator'],
    ['paused', 'journal'],
    ['paused', 'runner'],
    ['probing', 'runner'],
    ['stopped', undefined],
  ] as const)('not for a queue that is %s (%s)', (state, by) => {
    const watch = new IntakeWatch(PATIENCE_MS);
    watch.findStuck(facts([queue('a', state, by)]), 0);
    expect(watch.findStuck(facts([queue('a', state, by)]), 10 * PATIENCE_MS)).toBe(undefined);
  });
});
