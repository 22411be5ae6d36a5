import { expect } from 'vitest';
import { type LogLine, makeContext } from '../make-runner.ts';
import { act, expectToRunOn, type Rule } from './rule.ts';

const DATA = { pages: 3, list: [null, 'ü', 0.1] };
const text = (part: string): string => expect.stringContaining(part) as string;

export const endRules: readonly Rule[] = [
  {
    title: 'a job that ends well is completed, without data',
    check: async ({ runner }) => {
      expect(await act(runner, 'nothing')).toStrictEqual({ kind: 'completed' });
    },
  },
  {
    title: 'what a runner gives is the data of its completed job',
    check: async ({ runner }) => {
      expect(await act(runner, 'return', DATA)).toStrictEqual({ kind: 'completed', data: DATA });
    },
  },
  {
    title: 'what a runner calls failed is final, with its message and its data',
    check: async ({ runner }) => {
      expect(await act(runner, 'fail', DATA)).toStrictEqual({
        kind: 'failed',
        message: 'no such package',
        data: DATA,
        retryable: false,
      });
    },
  },
  {
    title: 'a blocked job says why',
    check: async ({ runner }) => {
      expect(await act(runner, 'block')).toStrictEqual({ kind: 'blocked', reason: 'waiting for DB' });
    },
  },
  {
    title: 'a blocked job may say for how long',
    check: async ({ runner }) => {
      expect(await act(runner, 'block', '10m')).toStrictEqual({
        kind: 'blocked',
        reason: 'waiting for DB',
        delayMs: 600_000,
      });
    },
  },
  {
    title:
      'a job that is blocked for a delay that is none waits as long as its runner says, with one warning',
    check: async ({ startRunner }) => {
      const lines: LogLine[] = [];
      const runner = await startRunner({ lines });
      const delays = [0, '0s', -5, 'soon'];
      for (const delay of delays)
        expect(await act(runner, 'block', delay)).toStrictEqual({
          kind: 'blocked',
          reason: 'waiting for DB',
        });
      expect(lines).toMatchObject(delays.map(() => ({ level: 'warn' })));
    },
  },
  {
    title: 'a crash is a failure that may be retried and says why',
    check: async ({ runner }) => {
      expect(await act(runner, 'throw')).toMatchObject({
        kind: 'failed',
        retryable: true,
        message: text('boom'),
      });
    },
  },
  {
    title: 'a job that kills what it runs in has crashed, and the next ones run',
    needs: 'a life of its own',
    check: async ({ runner }) => {
      for (let round = 0; round < 3; round += 1) {
        expect(await act(runner, 'die')).toMatchObject({ kind: 'failed', retryable: true });
        await expectToRunOn(runner);
      }
    },
  },
  {
    title: 'progress is heard in its order',
    check: async ({ runner }) => {
      const context = makeContext();
      await act(runner, 'progress', '', context);
      expect(context.steps).toStrictEqual([
        [40, 'page 4 of 10'],
        [100, undefined],
      ]);
    },
  },
  {
    title: 'an exit code means what the table says',
    needs: 'exit codes',
    check: async ({ runner }) => {
      for (const [code, outcome] of [
        [0, { kind: 'completed' }],
        [1, { kind: 'failed', retryable: true, message: 'exit code 1' }],
        [75, { kind: 'blocked', reason: 'exit code 75' }],
        [126, { kind: 'unavailable', reason: 'exit code 126' }],
        [127, { kind: 'unavailable', reason: 'exit code 127' }],
        [139, { kind: 'failed', retryable: true, message: 'exit code 139 (SIGSEGV)' }],
      ] as const)
        expect(await act(runner, 'exit', code)).toStrictEqual(outcome);
      expect(await act(runner, 'die')).toMatchObject({
        kind: 'failed',
        retryable: true,
        message: text('SIGKILL'),
      });
    },
  },
  {
    title: 'the INI file may give exit codes another meaning',
    needs: 'exit codes',
    check: async ({ startRunner }) => {
      const runner = await startRunner({ successCodes: [3], blockedCodes: [0], unavailableCodes: [1] });
      expect(await act(runner, 'exit', 3)).toMatchObject({ kind: 'completed' });
      expect(await act(runner, 'exit', 0)).toMatchObject({ kind: 'blocked' });
      expect(await act(runner, 'exit', 1)).toMatchObject({ kind: 'unavailable' });
      expect(await act(runner, 'exit', 75)).toMatchObject({ kind: 'failed', retryable: true });
    },
  },
  {
    title: 'what is said of one job is said of no other',
    check: async ({ runner }) => {
      const ends = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          index % 4 === 3 ? act(runner, 'fail', index) : act(runner, 'return', index),
        ),
      );
      expect(ends).toMatchObject(
        ends.map((_, index) => ({ kind: index % 4 === 3 ? 'failed' : 'completed', data: index })),
      );
      expect(await act(runner, 'nothing')).toStrictEqual({ kind: 'completed' });
    },
  },
];
