import { expect } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import { makeContext, makeJob } from '../make-runner.ts';
import { act, expectToRunOn, MIB, type Rule } from './rule.ts';

const LARGE_LIMIT_MS = 120_000;

/** A job that does `what` and brings 64 MiB along. */
function makeLargeJob(what: string): { job: Job; input: Buffer } {
  const body = { parameters: { do: what, value: '' }, text: 'Z'.repeat(64 * MIB) };
  return { job: makeJob(body), input: Buffer.from(JSON.stringify(body)) };
}

const strangeBodies: readonly unknown[] = [
  null,
  [],
  7,
  'no JSON',
  { parameters: { do: 'nothing', value: '\0\n\u2028\ud800' } },
  { parameters: { do: 'nothing', value: '' }, constructor: 1, __proto__: { do: 1 }, toJSON: 7, run: 'x' },
];

export const inputRules: readonly Rule[] = [
  {
    title: 'the facts of a job reach its runner',
    check: async ({ runner }) => {
      const context = makeContext();
      const body = { group: 'web', parameters: { do: 'facts', value: '' } };
      const job = makeJob(body, { attempt: 2, correlationId: 'c-1', group: 'web' });
      await runner.run(job, { ...context, input: Buffer.from(JSON.stringify(body)) });
      expect(context.lines).toStrictEqual(['job-1', 'jobs', 'test-runner', '2', 'c-1', 'web']);
    },
  },
  {
    title: 'the settings of a runner reach it',
    check: async ({ startRunner }) => {
      const settings = { 'output-dir': '/tmp/o p' };
      const runner = await startRunner({ settings, section: settings });
      const context = makeContext();
      await act(runner, 'settings', '', context);
      expect(context.lines).toStrictEqual(['/tmp/o p']);
    },
  },
  {
    title: '64 MiB of input arrive',
    limitMs: LARGE_LIMIT_MS,
    check: async ({ runner }) => {
      const { job, input } = makeLargeJob('input');
      const context = makeContext(input);
      expect(await runner.run(job, context)).toMatchObject({ kind: 'completed' });
      expect(context.lines.map((line) => line.trim())).toStrictEqual([String(64 * MIB)]);
    },
  },
  {
    title: '64 MiB of input that nobody reads disturb nothing',
    limitMs: LARGE_LIMIT_MS,
    check: async ({ runner }) => {
      const { job, input } = makeLargeJob('nothing');
      expect(await runner.run(job, makeContext(input))).toStrictEqual({ kind: 'completed' });
      await expectToRunOn(runner);
    },
  },
  {
    title: 'whatever a body is, its job has an outcome and the next one runs',
    check: async ({ runner }) => {
      for (const body of strangeBodies) {
        const input = typeof body === 'string' ? body : JSON.stringify(body);
        const { kind } = await runner.run(makeJob(body), makeContext(input));
        expect(['completed', 'failed']).toContain(kind);
      }
      await expectToRunOn(runner);
    },
  },
  {
    title: 'a runner that has not been started says so, and can be stopped',
    check: async ({ makeRunner }) => {
      const runner = makeRunner({});
      expect(await act(runner, 'nothing')).toMatchObject({ kind: 'unavailable' });
      await runner.stop();
    },
  },
];
