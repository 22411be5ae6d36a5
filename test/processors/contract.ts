import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import type { Runner } from '../../src/job/runner.ts';
import { eventually } from '../support/eventually.ts';
import { type Watched, makeContext, makeJob, makeRunner } from './harness.ts';

const GRACE_MS = 500;
const MIB = 1024 * 1024;

/**
 * What every processor promises. `line` is a runner that ends as `parameters.do` says: `nothing`, `throw`, `block`,
 * `output`, `huge-line`, `much-output`, `input` (prints how many bytes or characters came), `wait-for-abort`, `never`.
 */
export function describeProcessor(name: string, line: string): void {
  describe(`${name} as a processor`, () => {
    let runner: Runner;
    beforeAll(async () => {
      runner = makeRunner(line, { concurrency: 20, killGraceMs: GRACE_MS });
      await runner.start();
    });
    afterAll(() => runner.stop());

    const act = (what: string, context: Watched = makeContext()): Promise<Outcome> =>
      runner.run(makeJob({ parameters: { do: what } }), context);

    test('a job that ends well is completed, without data', async () => {
      expect(await act('nothing')).toEqual({ kind: 'completed' });
    });

    test('a crash is a failure that may be retried and says why', async () => {
      expect(await act('throw')).toMatchObject({
        kind: 'failed',
        retryable: true,
        message: expect.stringContaining('boom') as string,
      });
    });

    test('a blocked job says why', async () => {
      expect(await act('block')).toEqual({ kind: 'blocked', reason: 'waiting for DB' });
    });

    test('output comes as whole lines, the last one too, each to its own job', async () => {
      const contexts = [makeContext(), makeContext(), makeContext()];
      await Promise.all(contexts.map((context) => act('output', context)));
      for (const { lines } of contexts) expect(lines).toEqual(['one', 'three', 'ünï', '', 'last']);
    });

    test('a huge line is cut, with a mark', async () => {
      const context = makeContext();
      await act('huge-line', context);
      expect(context.lines).toEqual([expect.stringMatching(/^x{65536} … \[cut.*\]$/), 'after']);
    });

    test('64 MiB of output are streamed, not kept', async () => {
      let size = 0;
      let mostMemory = 0;
      const before = process.memoryUsage.rss();
      const output = (text: string) => {
        size += text.length + 1;
        if (size % MIB === 0) mostMemory = Math.max(mostMemory, process.memoryUsage.rss() - before);
      };
      await act('much-output', { ...makeContext(), output });
      expect(size).toBe(64 * MIB);
      expect(mostMemory).toBeLessThan(200 * MIB);
    });

    test('8 MiB of input arrive', async () => {
      const text = 'a'.repeat(8 * MIB);
      const context = makeContext(text);
      await runner.run(makeJob({ parameters: { do: 'input' }, text }), context);
      expect(context.lines.map((found) => found.trim())).toEqual([String(8 * MIB)]);
    });

    test('input that nobody reads disturbs nothing', async () => {
      expect(await act('nothing', makeContext('a'.repeat(8 * MIB)))).toEqual({ kind: 'completed' });
    });

    test('a job that was aborted before it starts does not run', async () => {
      const context = makeContext();
      context.abort();
      expect((await act('output', context)).kind).toBe('interrupted');
      expect(context.lines).toEqual([]);
    });

    test.each([
      ['wait-for-abort', 0, GRACE_MS],
      ['never', GRACE_MS - 50, GRACE_MS + 2_000],
    ])('an aborted job is over in time: %s', async (what, atLeastMs, atMostMs) => {
      const context = makeContext();
      const run = act(what, context);
      await eventually(() => context.lines.length > 0, 'the job runs');
      const start = performance.now();
      context.abort();
      context.abort();
      await run;
      const tookMs = performance.now() - start;
      expect(tookMs).toBeGreaterThanOrEqual(atLeastMs);
      expect(tookMs).toBeLessThan(atMostMs);
    });

    test('an abort while a job starts, or after it has ended, does no harm', async () => {
      const context = makeContext();
      const run = act('nothing', context);
      context.abort();
      expect(['interrupted', 'completed']).toContain((await run).kind);
      context.abort();
      expect(await act('nothing')).toEqual({ kind: 'completed' });
    });

    test('20 jobs run at once', async () => {
      const contexts = Array.from({ length: 20 }, () => makeContext());
      const runs = contexts.map((context) => act('wait-for-abort', context));
      await eventually(() => contexts.every(({ lines }) => lines.length > 0), 'all of them run');
      for (const context of contexts) context.abort();
      expect(await Promise.all(runs)).toHaveLength(20);
    });
  });
}
