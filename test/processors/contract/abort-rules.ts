import { getEventListeners } from 'node:events';
import { expect } from 'vitest';
import type { Runner } from '../../../src/job/runner.ts';
import { eventually } from '../../support/eventually.ts';
import { makeContext, makeJob } from '../make-runner.ts';
import { act, expectToRunOn, GRACE_MS, type Rule } from './rule.ts';

/** Between its grace and the end of what ignored it, KILL and a look at every process of a busy machine. */
const MARGIN_MS = 2_000;

/** Runs a job, aborts it when it has begun, twice; returns how long it took from there. */
async function abort(runner: Runner, what: string, value: unknown = ''): Promise<number> {
  const context = makeContext();
  const run = act(runner, what, value, context);
  await eventually(() => context.lines.length > 0, 'the job runs');
  const start = performance.now();
  context.abort();
  context.abort();
  await run;
  return performance.now() - start;
}

export const abortRules: readonly Rule[] = [
  {
    title: 'a job that heeds its abort is over before its grace is',
    check: async ({ startRunner }) => {
      const runner = await startRunner({ killGraceMs: 10_000 });
      expect(await abort(runner, 'wait-for-abort')).toBeLessThan(5_000);
    },
  },
  {
    title: 'a job that ignores its abort is over when its grace is, and the next one runs',
    check: async ({ runner }) => {
      const tookMs = await abort(runner, 'never');
      expect(tookMs).toBeGreaterThanOrEqual(GRACE_MS - 50);
      expect(tookMs).toBeLessThan(GRACE_MS + MARGIN_MS);
      await expectToRunOn(runner);
    },
  },
  {
    title: 'a job that is busy is over when its grace is, and the next one runs',
    needs: 'a life of its own',
    check: async ({ runner }) => {
      expect(await abort(runner, 'busy')).toBeLessThan(GRACE_MS + MARGIN_MS);
      await expectToRunOn(runner);
    },
  },
  {
    title: 'a job that floods its output is over when its grace is, and the next one runs',
    needs: 'a life of its own',
    check: async ({ runner }) => {
      expect(await abort(runner, 'much-output', 1024 * 1024)).toBeLessThan(GRACE_MS + MARGIN_MS);
      await expectToRunOn(runner);
    },
  },
  {
    title: 'progress is heard while its job runs',
    check: async ({ runner }) => {
      const context = makeContext();
      const run = act(runner, 'progress-and-wait', '', context);
      await eventually(() => context.steps.length > 0, 'its progress');
      expect(context.steps).toStrictEqual([[40, undefined]]);
      context.abort();
      await run;
    },
  },
  {
    title: 'a job that was aborted before it starts does not run',
    check: async ({ runner }) => {
      const context = makeContext();
      context.abort();
      expect((await act(runner, 'output', '', context)).kind).toBe('interrupted');
      expect(context.lines).toStrictEqual([]);
    },
  },
  {
    title: 'an abort while a job starts, or after it has ended, does no harm',
    check: async ({ runner }) => {
      for (const turns of [0, 1, 2, 5, 10]) {
        const context = makeContext();
        const run = act(runner, 'nothing', '', context);
        for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
        context.abort();
        expect(['interrupted', 'completed']).toContain((await run).kind);
        context.abort();
        await expectToRunOn(runner);
      }
    },
  },
  {
    title: '20 jobs run at once, and can be ended at once',
    check: async ({ runner }) => {
      const contexts = Array.from({ length: 20 }, () => makeContext());
      const runs = contexts.map((context) => act(runner, 'wait-for-abort', '', context));
      await eventually(() => contexts.every(({ lines }) => lines.length > 0), 'all of them run', 20_000);
      for (const context of contexts) context.abort();
      expect(await Promise.all(runs)).toHaveLength(20);
      await expectToRunOn(runner);
    },
  },
  {
    title: 'a job that has ended listens to its signal no more',
    check: async ({ runner }) => {
      const { signal } = new AbortController();
      const body = { parameters: { do: 'nothing', value: '' } };
      for (let job = 0; job < 20; job += 1)
        await runner.run(makeJob(body), { ...makeContext(JSON.stringify(body)), signal });
      expect(getEventListeners(signal, 'abort')).toStrictEqual([]);
    },
  },
];
