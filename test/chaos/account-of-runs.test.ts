import { describe, expect, it } from 'vitest';
import { secondLives } from './causes.ts';
import {
  accountOf,
  AGAIN,
  fault,
  JOB,
  numberOf,
  reply,
  run,
  started,
  T,
  wrongsOf,
} from './example-evidence.ts';
import type { SubmittedJob } from './evidence.ts';
import type { FaultRecord } from './faults.ts';
import type { Run } from './ledger.ts';

describe('the account of runs', () => {
  const again = run({ run: '2', beganMs: T + 60_000, endedMs: T + 61_000 });

  it('explains nothing by itself', () => {
    const account = accountOf({ runs: [run(), again] });
    expect(wrongsOf(account)).toEqual(['and once more: unexplained']);
    expect(account.problems).toHaveLength(1);
  });

  it.each<[string, Run, Run, FaultRecord]>([
    ['a kill while it ran', run({ endedMs: undefined, how: undefined }), again, fault('kill', T + 500)],
    ['a kill before its first line was written', run(), again, fault('kill', T - 400)],
    ['a kill as it ended', run(), again, fault('kill', T + 1200)],
    ['a stop that ended it', run({ how: 'aborted', endedMs: T + 3500 }), again, fault('deploy', T + 500)],
    ['a broker that forgot its acknowledgement', run(), again, fault('broker-kill', T + 1200)],
    ['a cut cable, on another host', run(), { ...again, host: 'b' }, fault('cut', T + 900)],
    ['a broker restart, on another host', run(), { ...again, host: 'b' }, fault('broker-kill', T + 900)],
    [
      'a host that read its message late',
      { ...run(), host: 'b' },
      { ...again, host: 'a' },
      fault('freeze', T + 59_000),
    ],
  ])('explains a second run by %s', (_, first, second, cause) => {
    const account = accountOf({ runs: [first, second], faults: [cause] });
    expect(account.problems).toEqual([]);
    expect(account.rows.filter(({ text }) => text.startsWith('  and once more'))).toMatchObject([
      { number: 1 },
    ]);
  });

  it.each<[string, Run, Run, FaultRecord]>([
    ['a lost connection explains none on the same host', run(), again, fault('cut', T + 500)],
    ['nor does a kill long after it ended', run(), again, fault('kill', T + 30_000)],
    ['nor does a broker that stopped in order', run(), again, fault('broker-stop', T + 1200)],
    ['nor one before it began', run(), again, fault('kill', T - 10_000)],
    ['nor a stop that waited for it', run(), again, fault('deploy', T + 500)],
    [
      'nor does a fault of a third host',
      run(),
      { ...again, host: 'b' },
      fault('cut', T + 500, { host: 'c' }),
    ],
    ['nor one long after it was settled', run(), { ...again, host: 'b' }, fault('cut', T + 30_000)],
  ])('%s', (_, first, second, cause) => {
    expect(wrongsOf(accountOf({ runs: [first, second], faults: [cause] }))).toEqual([
      'and once more: unexplained',
    ]);
  });

  it('needs a run for each retry, and none after the last', () => {
    const runs = [
      run({ how: 'crashed' }),
      run({ attempt: 2, run: '2', beganMs: T + 2000, endedMs: T + 3000 }),
    ];
    const jobs: SubmittedJob[] = [{ ...JOB, kind: 'crash', tries: 1 }];
    expect(accountOf({ jobs, runs }).problems).toEqual([]);
    expect(accountOf({ runs }).problems.join()).toContain('an attempt too many');
  });

  it('explains a second run of a retry on another host by a second copy of its message', () => {
    const jobs: SubmittedJob[] = [{ ...JOB, kind: 'crash', tries: 1 }];
    const late = { attempt: 2, beganMs: T + 20_000, endedMs: T + 20_500 };
    const runs = [
      run({ how: 'crashed' }),
      run({ ...late, host: 'b' }),
      run({ ...late, host: 'c', run: '3' }),
    ];
    expect(accountOf({ jobs, runs, faults: [fault('kill', T + 1100)] }).problems).toEqual([]);
    expect(accountOf({ jobs, runs }).problems).toHaveLength(1);
  });

  describe('of a job whose acknowledgement was forgotten', () => {
    const jobs: SubmittedJob[] = [{ ...JOB, kind: 'crash', tries: 1 }];
    const times = [0, 2000, 30_000, 32_000].map((ms) => ({ beganMs: T + ms, endedMs: T + ms + 500 }));
    const runs = times.map((time, index) => run({ ...time, attempt: (index % 2) + 1, run: String(index) }));
    const replies = [started, ...['x', 'y'].map((messageId) => reply('completed', { messageId }))];
    const faults = [fault('broker-kill', T + 800)];

    it('takes the second life as one: its later attempts and its answer', () => {
      const account = accountOf({ jobs, runs, replies, faults });
      expect(account.problems).toEqual([]);
      expect(numberOf(account, AGAIN)).toBe(1);
    });

    it('takes it as one also where the daemon was killed as well, and both lives go on at once', () => {
      const tried = (attempt: number, ms: number): Run =>
        run({ run: `${attempt} ${ms}`, attempt, beganMs: T + ms, endedMs: T + ms + 3 });
      const first = [tried(1, 0), tried(2, 200)];
      const second = [
        tried(1, 8000),
        { ...tried(3, 8001), overlapped: true },
        tried(2, 8250),
        tried(3, 8700),
      ];
      const evidence = {
        jobs: [{ ...JOB, kind: 'crash', tries: 2 }] satisfies SubmittedJob[],
        runs: [...first, ...second],
        replies,
      };
      const killed = fault('kill', T + 600);
      expect(accountOf({ ...evidence, faults: [fault('broker-kill', T + 400), killed] }).problems).toEqual(
        [],
      );
      expect(accountOf({ ...evidence, faults: [killed] }).problems).not.toEqual([]);
    });

    it('still finds what no second life explains', () => {
      expect(wrongsOf(accountOf({ jobs, runs, replies, faults: [] }))).toContain('final replies doubled');
      const more = ['x', 'y', 'z', 'v'].map((messageId) =>
        reply('completed', { messageId, atMs: T + 90_000 }),
      );
      expect(wrongsOf(accountOf({ jobs, runs, replies: [started, ...more], faults }))).toEqual([
        'final replies doubled',
      ]);
    });

    it('is not of one whose run did not end: nothing of it was acknowledged', () => {
      const later = run({ run: 'b', beganMs: T + 5000, endedMs: T + 5500 });
      const kills = [fault('broker-kill', T - 1000), fault('kill', T + 200)];
      expect(secondLives([run({ run: 'a', endedMs: undefined }), later], kills)).toBe(0);
      expect(secondLives([run({ run: 'a', endedMs: T + 100 }), later], kills)).toBe(1);
    });

    it('counts apart that both lives run at once', () => {
      const atOnce = runs.map((one) => (one.run === '3' ? { ...one, overlapped: true } : one));
      const account = accountOf({ jobs, runs: atOnce, replies, faults });
      expect(account.problems).toEqual([]);
      expect(numberOf(account, 'the same, of two messages of one job')).toBe(1);
    });
  });

  it('finds runs of one job at once on one host, by their times and by their processes', () => {
    const faults = [fault('kill', T + 500)];
    const row = 'runs of one job at once on one host';
    const during = run({ run: '2', beganMs: T + 700, endedMs: T + 900 });
    expect(wrongsOf(accountOf({ runs: [run(), during], faults }))).toEqual([row]);
    const afterwards = { ...again, overlapped: true };
    const killed = run({ endedMs: undefined, how: undefined });
    expect(wrongsOf(accountOf({ runs: [killed, afterwards], faults }))).toEqual([row]);
    const elsewhere: Run = { ...during, host: 'b' };
    expect(wrongsOf(accountOf({ runs: [run(), elsewhere], faults }))).toEqual([]);
  });

  it('explains as many equal steps as were in danger', () => {
    const releases = [{ key: 'job-1', queue: 'own.steps', sureSteps: 1, hasMaybeStep: false }];
    const runs = [run(), run({ run: '2', beganMs: T + 20_000, endedMs: T + 20_100 })];
    expect(accountOf({ jobs: [], releases, runs, faults: [fault('cut', T + 900)] }).problems).toEqual([]);
    expect(wrongsOf(accountOf({ jobs: [], releases, runs }))).toEqual(['and once more: unexplained']);
  });

  it('finds what ran and was never sent', () => {
    expect(accountOf({ runs: [run(), run({ key: 'x' })] }).problems).toEqual(['x: ran, but was never sent']);
  });
});
