import { resolve } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { makeContext, makeJob, makeRunner } from '../processors/harness.ts';

const runner = makeRunner(`module!${resolve('runners/not-before.ts')}`);
beforeAll(() => runner.start());

async function runAt(time: unknown): Promise<{ outcome: Outcome; lines: readonly string[] }> {
  const context = makeContext();
  const outcome = await runner.run(makeJob({ parameters: { time } }), context);
  return { outcome, lines: context.lines };
}

it('a job whose time has not come is blocked until then', async () => {
  const time = new Date(Date.now() + 60_000).toISOString();
  const { outcome } = await runAt(time);
  expect(outcome).toStrictEqual({
    kind: 'blocked',
    reason: `not before ${time}`,
    delayMs: expect.any(Number),
  });
  const { delayMs = 0 } = outcome as { delayMs?: number };
  expect(delayMs).toBeGreaterThan(40_000);
  expect(delayMs).toBeLessThanOrEqual(60_000);
});

it('a job whose time is years ahead is blocked for a day at a time', async () => {
  expect((await runAt('9999-12-31')).outcome).toStrictEqual({
    kind: 'blocked',
    reason: 'not before 9999-12-31',
    delayMs: 86_400_000,
  });
});

it('a job whose time has come is completed', async () => {
  expect(await runAt('2020-02-29T08:00:00+01:00')).toStrictEqual({
    outcome: { kind: 'completed' },
    lines: ['it is 2020-02-29T08:00:00+01:00'],
  });
});

it.each([
  undefined,
  '',
  'tomorrow',
  '10',
  1_900_000_000,
  '2020-13-01',
  '2020-01-01T25:00:00Z',
  ['2020-01-01'],
])('a job whose time is %j fails', async (time) => {
  expect((await runAt(time)).outcome).toMatchObject({
    kind: 'failed',
    retryable: false,
    message: expect.stringContaining('2030-01-31T08:00:00Z'),
  });
});
