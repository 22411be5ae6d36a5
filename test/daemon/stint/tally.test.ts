import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { Tally } from '../../../src/daemon/stint/tally.ts';
import type { WorkEvents } from '../../../src/job/events.ts';
import { completed, failed, type Outcome } from '../../../src/job/outcome.ts';

let events: EventEmitter<WorkEvents>;
let tally: Tally;
let run: number;
beforeEach(() => {
  events = new EventEmitter();
  tally = new Tally(events);
  run = 0;
});

function take(): number {
  run += 1;
  tally.take({ queue: 'q', runner: 'r', id: 'x', attempt: 1, run });
  return run;
}

function end(of: number, outcome: Outcome, { goesBack = false, isRepeated = false } = {}): void {
  events.emit('job:ended', {
    queue: 'q',
    runner: 'r',
    id: 'x',
    attempt: 1,
    run: of,
    outcome,
    isFinal: !goesBack,
    goesBack,
    isRepeated,
    durationMs: 1,
    disposal: '',
    reply: 'none',
    because: '',
  });
}

const INTERRUPTED: Outcome = { kind: 'interrupted', reason: 'stop' };

describe('the tally of a run that ends by itself', () => {
  it('tells what has ended, and what went back', () => {
    for (let count = 0; count < 4; count += 1) end(take(), completed());
    end(take(), failed('no'));
    end(take(), { kind: 'blocked', reason: 'locked' }, { goesBack: true });
    take();
    expect(tally.inWords()).toBe('5 jobs: 4 completed, 1 failed; 2 put back');
    expect(tally.taken).toBe(7);
    expect(tally.hasFailed).toBe(true);
  });

  it('says as little as there is to say', () => {
    expect(tally.inWords()).toBe('0 jobs');
    end(take(), completed());
    expect(tally.inWords()).toBe('1 job: 1 completed');
    expect(tally.hasFailed).toBe(false);
  });

  it('tells why a runner cannot be started, until it has run a job', () => {
    end(take(), { kind: 'unavailable', reason: 'no such file' }, { goesBack: true });
    end(take(), INTERRUPTED, { goesBack: true });
    expect(tally.inWords()).toBe('0 jobs; 2 put back; r cannot be started: no such file');
    expect(tally.hasFault).toBe(true);
    end(take(), completed());
    expect(tally.inWords()).toBe('1 job: 1 completed; 2 put back');
    expect(tally.hasFault).toBe(false);
  });

  it('leaves out what was never begun, and what is settled by its record', () => {
    end(99, INTERRUPTED, { goesBack: true });
    end(98, failed('no'), { isRepeated: true });
    expect(tally.inWords()).toBe('0 jobs');
    expect(tally.hasFailed).toBe(false);
  });
});
