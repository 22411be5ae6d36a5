import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Runner } from '../../../src/job/runner.ts';
import { type LogLine, makeContext, makeJob, makeRunner } from '../harness.ts';

describe.each(['thread', 'process', 'none'] as const)('isolation = %s', (isolation) => {
  const lines: LogLine[] = [];
  let runner: Runner;
  beforeAll(async () => {
    runner = makeRunner('module!./modules/wordless.ts', { isolation, lines, concurrency: 1 });
    await runner.start();
  });
  afterAll(() => runner.stop());

  const act = (what: string): Promise<Outcome> =>
    runner.run(makeJob({ parameters: { throw: what } }), makeContext());

  const failed = { kind: 'failed', message: 'the runner threw Failed', retryable: false };
  const blocked = { kind: 'blocked', reason: 'x' };

  test.each([
    ['Failed without words', failed],
    ['Failed without words, with data', { ...failed, data: { a: 1 } }],
    ['Blocked without words', { kind: 'blocked', reason: 'the runner threw Blocked' }],
  ])('%s ends its job, and is told in words', async (what, outcome) => {
    expect(await act(what)).toEqual(outcome);
  });

  test.each([
    ['a delay of 0', '0'],
    ['a delay of -0', '0'],
    ['a delay of 0s', '"0s"'],
    ['a delay of -5', '-5'],
    ['an empty delay', '""'],
    ['a delay of NaN', '"NaN"'],
    ['a delay of Infinity', '"Infinity"'],
    ['a delay of null', '"null"'],
    ['a delay of false', '"false"'],
  ])('%s is none: the job is blocked for the runner’s own, with one warning', async (what, delay) => {
    lines.length = 0;
    expect(await act(what)).toEqual(blocked);
    expect(lines).toMatchObject([{ level: 'warn' }]);
    expect(JSON.stringify(lines).replaceAll('\\', '')).toContain(delay);
    expect(JSON.stringify(lines)).toContain(
      `not a duration (try \\"10m\\"): the runner's blocked-delay holds`,
    );
  });

  test.each([
    ['an empty text', "threw ''"],
    ['an error without words', 'threw an error without words'],
  ])('%s that is thrown is a crash, in words', async (what, message) => {
    expect(await act(what)).toMatchObject({ kind: 'failed', message, retryable: true });
  });
});
