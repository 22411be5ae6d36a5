import { describe, expect, it } from 'vitest';
import { tableOf } from './account.ts';
import { accountOf, fault, JOB, numberOf, reply, started, T, wrongsOf } from './example-evidence.ts';
import type { Evidence } from './evidence.ts';

describe('the account of what is left', () => {
  const letter = { key: 'job-1', queue: 'own.module', reason: 'timed out', host: 'a', atMs: T } as const;
  const dead: Partial<Evidence> = {
    jobs: [{ ...JOB, kind: 'endless' }],
    replies: [started, reply('failed', { message: 'timed out after 1500ms' })],
  };

  it('wants the dead letters that must be, each with its reason', () => {
    expect(accountOf({ ...dead, deadLetters: [letter] }).problems).toEqual([]);
    expect(accountOf({ ...dead }).problems.join()).toContain('not on the dead-letter queue');
    expect(accountOf({ ...dead, deadLetters: [{ ...letter, reason: '' }] }).problems.join()).toContain(
      'no reason',
    );
    expect(accountOf({ deadLetters: [letter] }).problems.join()).toContain('dead-lettered for timed out');
    expect(accountOf({ deadLetters: [{ ...letter, key: 'x' }] }).problems.join()).toContain('never sent');
  });

  it('allows two copies of a dead letter only around a fault', () => {
    const deadLetters = [letter, letter];
    expect(accountOf({ ...dead, deadLetters }).problems.join()).toContain('2 dead letters');
    const account = accountOf({ ...dead, deadLetters, faults: [fault('cut', T)] });
    expect(account.problems).toEqual([]);
    expect(numberOf(account, 'copies of one dead letter')).toBe(1);
  });

  it('finds messages, processes and troubles', () => {
    const account = accountOf({
      depths: new Map([
        ['own.module', 2],
        ['own.shell', 0],
      ]),
      leftovers: ['17 sleep 600'],
      troubles: ['a: exit status 70'],
    });
    expect(account.problems).toEqual([
      '2 messages left on own.module',
      'left over: 17 sleep 600',
      'a: exit status 70',
    ]);
    expect(wrongsOf(account)).toEqual([
      'messages left on queues',
      'processes left over',
      'troubles of daemons',
    ]);
    expect(tableOf(account)).toMatch(/^messages left on queues +2 {2}WRONG$/m);
  });
});
