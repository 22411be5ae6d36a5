import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { Rounds } from '../../../src/daemon/stint/rounds.ts';
import type { RunFacts, WorkEvents } from '../../../src/job/events.ts';
import { completed } from '../../../src/job/outcome.ts';

let events: EventEmitter<WorkEvents>;
let rounds: Rounds;
beforeEach(() => {
  events = new EventEmitter();
  rounds = new Rounds(events, { isStored: () => false, isAllHere: () => Promise.reject(new Error('asked')) });
});

const facts = (id: string, attempt: number): RunFacts => ({ queue: 'q', runner: 'r', id, attempt });

function end(id: string, attempt: number, goesBack: boolean): void {
  const how = { outcome: completed(), isFinal: !goesBack, goesBack, isRepeated: false };
  events.emit('job:ended', {
    ...facts(id, attempt),
    ...how,
    durationMs: 1,
    disposal: '',
    reply: 'none',
    because: '',
  });
}

/** Runs a job that goes back; says whether its turn came. */
function goRound(id: string, attempt: number): boolean {
  if (rounds.isOver(facts(id, attempt))) return false;
  end(id, attempt, true);
  return true;
}

describe('a queue', () => {
  it('has had its round when a job that went back comes for the second time with nothing new in between', () => {
    expect([goRound('a', 1), goRound('a', 2), goRound('a', 3)]).toStrictEqual([true, true, false]);
  });

  it('has not as long as new jobs come in between', () => {
    const turns = [goRound('a', 1), goRound('b', 1), goRound('a', 2), goRound('c', 1), goRound('b', 2)];
    expect([...turns, goRound('a', 3)]).toStrictEqual([true, true, true, true, true, true]);
    expect(goRound('b', 3)).toBe(false);
  });

  it('does not take a job for one that went back, because that has ended or has its id, or went back elsewhere', () => {
    goRound('a', 1);
    end('a', 2, false);
    // Another one of the same id, that another daemon has put back.
    expect([goRound('a', 2), goRound('a', 1), goRound('a', 1)]).toStrictEqual([true, true, true]);
    expect(rounds.isOver({ ...facts('a', 2), queue: 'other' })).toBe(false);
    expect(rounds.isOver({ ...facts('a', 2), queue: 'other' })).toBe(false);
  });
});

describe('a queue that is worked from this disk', () => {
  const PATIENCE_MS = 200;
  let isAllHere: () => Promise<boolean>;
  let asked: number;
  beforeEach(() => {
    asked = 0;
    rounds = new Rounds(events, {
      isStored: () => true,
      isAllHere() {
        asked += 1;
        return isAllHere();
      },
      patienceMs: PATIENCE_MS,
    });
  });

  it('has its round from when all of it is on this disk', async () => {
    isAllHere = async () => asked > 1;
    expect([goRound('a', 1), goRound('a', 2), goRound('a', 3)]).toStrictEqual([true, true, true]);
    await wait(0);
    expect(goRound('a', 4)).toBe(true);
    await wait(0);
    expect([asked, goRound('a', 5), goRound('a', 6)]).toStrictEqual([2, true, false]);
  });

  it('is asked for once at a time, and anew after a job that is new', async () => {
    const answer = Promise.withResolvers<boolean>();
    isAllHere = () => answer.promise;
    for (let attempt = 1; attempt < 6; attempt += 1) expect(goRound('a', attempt)).toBe(true);
    expect(asked).toBe(1);
    goRound('b', 1);
    answer.resolve(true);
    await wait(0);
    expect([goRound('a', 6), goRound('a', 7), asked]).toStrictEqual([true, true, 2]);
  });

  it.each([
    ['does not come', async () => false],
    ['cannot be asked for', () => Promise.reject(new Error('away'))],
  ])('does not go round without end while what is new %s', async (_why, answer) => {
    isAllHere = answer;
    const startedAtMs = performance.now();
    let attempt = 0;
    await expect.poll(() => goRound('a', ++attempt), { interval: 5, timeout: PATIENCE_MS * 20 }).toBe(false);
    expect(attempt).toBeGreaterThan(3);
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(PATIENCE_MS);
  });
});
