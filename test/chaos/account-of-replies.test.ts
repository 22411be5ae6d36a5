import { describe, expect, it } from 'vitest';
import {
  accountOf,
  AGAIN,
  completed,
  fault,
  JOB,
  numberOf,
  reply,
  run,
  started,
  T,
  wrongsOf,
} from './example-evidence.ts';
import type { Evidence, SubmittedJob } from './evidence.ts';
import type { HeardReply } from './requester.ts';

describe('the account of replies', () => {
  it('is good when each job was answered once, and adds up', () => {
    const account = accountOf();
    expect(account.problems).toEqual([]);
    expect(wrongsOf(account)).toEqual([]);
    expect(numberOf(account, 'submitted')).toBe(1);
    expect(numberOf(account, 'completed')).toBe(1);
  });

  it('finds a final reply that is missing', () => {
    const account = accountOf({ replies: [started] });
    expect(wrongsOf(account)).toEqual(['final replies missing']);
    expect(account.problems).toHaveLength(1);
    expect(account.problems[0]).toContain('1 final reply missing');
  });

  it('finds a second final reply with an id of its own, even while faults went on', () => {
    const replies = [started, completed, reply('completed', { messageId: 'other' })];
    const account = accountOf({ replies, faults: [fault('cut', T + 900)] });
    expect(wrongsOf(account)).toEqual(['final replies doubled']);
  });

  it('counts the answers of two hosts apart if one of them was hit, else as doubled', () => {
    const replies = [started, completed, reply('completed', { messageId: 'other', host: 'b' })];
    expect(wrongsOf(accountOf({ replies }))).toEqual(['final replies doubled']);
    const account = accountOf({ replies, faults: [fault('cut', T + 900)] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, AGAIN)).toBe(1);
  });

  it('counts apart what is answered again since a broker that was killed had forgotten the acknowledgement', () => {
    const replies = [started, completed, reply('completed', { messageId: 'other', atMs: T + 20_000 })];
    const account = accountOf({ replies, faults: [fault('broker-kill', T + 1200)] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, AGAIN)).toBe(1);
    const laterKill = [fault('broker-kill', T + 15_000)];
    expect(wrongsOf(accountOf({ replies, faults: laterKill }))).toEqual(['final replies doubled']);
  });

  it('allows copies of one reply only around a fault', () => {
    const replies = [started, completed, completed];
    expect(accountOf({ replies }).problems[0]).toContain('came again');
    const account = accountOf({ replies, faults: [fault('cut', T + 900)] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, 'copies of one reply, same message id')).toBe(1);
    const laterFault = [started, completed, { ...completed, atMs: T + 60_000 }];
    expect(accountOf({ replies: laterFault, faults: [fault('cut', T + 50_000)] }).problems).toHaveLength(1);
  });

  it('takes no two replies without an id for copies', () => {
    const nameless = reply('completed', { messageId: '' });
    const replies = [started, nameless, nameless];
    expect(wrongsOf(accountOf({ replies, faults: [fault('cut', T + 900)] }))).toEqual([
      'final replies doubled',
    ]);
  });

  it.each([
    ['a second "started", be it a copy', [started, started, completed], '"started" too often'],
    ['a "started" after the final reply', [completed, started], 'out of order'],
    ['another outcome', [started, reply('failed', { message: 'no' })], 'the outcome is wrong: failed no'],
    ['a reply to nobody', [started, completed, reply('completed', { key: 'x' })], 'never sent'],
  ])('finds %s', (_, replies, problem) => {
    expect(accountOf({ replies }).problems.join()).toContain(problem);
  });

  it('wants order of each host, and counts what comes late of another one', () => {
    const late = reply('started', { host: 'b' });
    const account = accountOf({ replies: [completed, late] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, '"started" of one host after the answer of another')).toBe(1);
  });

  it('finds a "started" of a job that has no run, and a wrong reason', () => {
    const jobs: SubmittedJob[] = [{ ...JOB, kind: 'missing' }];
    const replies = [started, reply('failed', { message: 'timed out' })];
    const { problems } = accountOf({ jobs, replies, runs: [] });
    expect(problems.join()).toContain('cannot have begun');
    expect(problems.join()).toContain('the outcome is wrong');
  });

  it('counts jobs that were answered without a "started", which is no promise', () => {
    const account = accountOf({ replies: [completed] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, 'jobs whose requester never heard "started"')).toBe(1);
  });

  it('takes a job that may have been sent with one life or none, but not with two', () => {
    const jobs = [{ ...JOB, isSure: false }];
    expect(accountOf({ jobs }).problems).toEqual([]);
    const account = accountOf({ jobs, replies: [], runs: [] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, 'may have been submitted, confirm lost')).toBe(1);
    const replies = [started, completed, reply('completed', { messageId: 'other' })];
    expect(wrongsOf(accountOf({ jobs, replies }))).toEqual(['final replies doubled']);
    expect(wrongsOf(accountOf({ jobs, replies: [] }))).toEqual(['final replies missing']);
  });

  it('wants of a release one final reply for each step, each after its own "started"', () => {
    const releases = [{ key: 'job-1', queue: 'own.steps', sureSteps: 2, hasMaybeStep: false }];
    const steps = ['one', 'two'].flatMap((name) => [
      reply('started', { messageId: `s-${name}` }),
      reply('completed', { messageId: name }),
    ]);
    const runs = [run(), run({ run: '2' })];
    const judge = (replies: readonly HeardReply[]): string[] => [
      ...accountOf({ jobs: [], releases, runs, replies }).problems,
    ];
    expect(judge(steps)).toEqual([]);
    expect(judge(steps.slice(0, 3)).join()).toContain('1 final reply missing');
    expect(judge([0, 2, 1, 3].flatMap((index) => steps[index] ?? [])).join()).toContain('out of order');
    expect(judge([...steps, reply('completed', { messageId: 'three' })]).join()).toContain('too many');
  });

  it('counts apart the answer to a step that ran again since nobody can tell it from an equal one, after a fault', () => {
    const releases = [{ key: 'job-1', queue: 'own.steps', sureSteps: 1, hasMaybeStep: false }];
    const replies = [started, completed, reply('completed', { messageId: 'other' })];
    const runs = [run(), run({ run: '2', beganMs: T + 3000, endedMs: T + 4000 })];
    const release = { jobs: [], releases, runs, replies };
    expect(wrongsOf(accountOf(release))).toContain('final replies doubled');
    const account = accountOf({ ...release, faults: [fault('black-hole', T + 1100)] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, AGAIN)).toBe(1);
    const runOnce = accountOf({ ...release, runs: [run()], faults: [fault('black-hole', T + 1100)] });
    expect(wrongsOf(runOnce)).toEqual(['final replies doubled']);
  });

  it('counts apart a step that was cut off with the acknowledgement of the equal one before it, and not run', () => {
    const releases = [{ key: 'job-1', queue: 'own.steps', sureSteps: 2, hasMaybeStep: false }];
    const lacking = { jobs: [], releases, runs: [run()], replies: [started, completed] };
    const cut = [fault('cut', T + 1500)];
    expect(wrongsOf(accountOf(lacking))).toEqual(['final replies missing']);
    const account = accountOf({ ...lacking, faults: cut });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, 'steps taken for the equal one before them')).toBe(1);
    const isWrong = (changes: Partial<Evidence>): void =>
      expect(wrongsOf(accountOf({ ...lacking, faults: cut, ...changes }))).toEqual(['final replies missing']);
    isWrong({ faults: [fault('cut', T + 2500)] });
    isWrong({ faults: [fault('kill', T + 1500)] });
    isWrong({ runs: [run(), run({ run: '2' })] });
    isWrong({ releases: releases.map((release) => ({ ...release, sureSteps: 3 })) });
    isWrong({ replies: [] });
  });
});
