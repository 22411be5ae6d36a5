import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { type Runner, RunnerError } from '../../src/job/runner.ts';
import { createOwnProcessor } from '../../src/processors/own.ts';
import { told } from '../fixtures/own/told.ts';
import { FIXTURES, type LogLine, makeContext, makeJob, makeRunner, type RunnerChanges } from './harness.ts';

const DIRECTORY = `${FIXTURES}/own`;

let lines: LogLine[];
beforeEach(() => {
  lines = [];
  told.length = 0;
});

function make(line: string, changes: RunnerChanges = {}, module = './shout.ts'): Runner {
  const processor = createOwnProcessor({ name: 'shout', module, directory: DIRECTORY });
  return makeRunner(line, { processor, lines, ...changes });
}

async function refusalOf(runner: Runner): Promise<RunnerError> {
  const refusal = await runner.start().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refusal).toBeInstanceOf(RunnerError);
  return refusal as RunnerError;
}

describe('a runner of a processor of its own', () => {
  let runner: Runner;
  beforeEach(async () => {
    runner = make('shout!hey you', { settings: { mark: '!!' } });
    await runner.start();
  });
  afterEach(() => runner.stop());

  test.each<[string, Outcome]>([
    ['shout', { kind: 'completed', data: { bytes: 5, isAborted: false } }],
    ['block', { kind: 'blocked', reason: 'breathing', delayMs: 10_000 }],
    ['fail', { kind: 'failed', message: 'hoarse', data: { words: 'hey you' }, retryable: false }],
  ])('%s is its outcome', async (what, outcome) => {
    const context = makeContext('héy!');
    expect(await runner.run(makeJob({ parameters: { do: what } }), context)).toStrictEqual(outcome);
    expect(context.lines).toEqual(what === 'shout' ? ['HEY YOU!!'] : []);
  });

  test('what it throws is a crash, which may be retried', async () => {
    const outcome = await runner.run(makeJob({ parameters: { do: 'throw' } }), makeContext());
    expect(outcome).toMatchObject({ kind: 'failed', message: 'TypeError: boom', retryable: true });
  });

  test('is made and started once, and stopped once', async () => {
    await runner.run(makeJob(), makeContext());
    await runner.run(makeJob(), makeContext());
    await runner.stop();
    await runner.stop();
    expect(told).toEqual(['test-runner made for hey you', 'test-runner started', 'test-runner stopped']);
  });

  test('prints and logs as itself while it has no job', () => {
    expect(lines).toEqual([
      { level: 'info', message: 'making a runner', fields: undefined },
      { level: 'info', message: 'clears its throat', fields: { fields: { spec: 'hey you' } } },
    ]);
  });
});

test('it is told all that concerns it of its section', async () => {
  const runner = make(
    'shout!a!b',
    { env: { A: 'b' }, concurrency: 7, killGraceMs: 50 },
    './shout.ts:options',
  );
  await runner.start();
  expect(await runner.run(makeJob(), makeContext())).toStrictEqual({
    kind: 'completed',
    data: {
      runner: 'test-runner',
      spec: 'a!b',
      directory: FIXTURES,
      settings: {},
      concurrency: 7,
      env: { A: 'b' },
      killGraceMs: 50,
    },
  });
  await runner.stop();
});

describe('a mistake is said at the start, with the name of the processor', () => {
  test.each([
    ['shout!', './shout.ts', 'shout! refused it: nothing to shout: write words after shout!'],
    ['shout!hoarse', './shout.ts', 'shout! refused it: no voice today'],
    ['shout!x', './shout.ts:nothing', 'shout! refused it: it made no object with a function "run"'],
    ['shout!x', './missing.ts', `[processor:shout] module: there is no file ${DIRECTORY}/missing.ts`],
    ['shout!x', './shout.ts:value', '[processor:shout] module: cannot load'],
  ])('%s by %s', async (line, module, message) => {
    const refusal = await refusalOf(make(line, {}, module));
    expect(refusal.message).toContain(message);
    expect(refusal.message).not.toContain('\n');
    expect(refusal.fix).toBeTruthy();
  });

  test('a runner whose start has failed is stopped all the same', async () => {
    await refusalOf(make('shout!hoarse'));
    expect(told).toEqual(['test-runner made for hoarse', 'test-runner stopped']);
  });
});

test('a stop that does not end is waited for no longer than kill-grace', async () => {
  const runner = make('shout!endless', { killGraceMs: 50 });
  await runner.start();
  const start = performance.now();
  await runner.stop();
  expect(performance.now() - start).toBeLessThan(1_000);
  expect(lines.at(-1)).toMatchObject({
    level: 'warn',
    message: 'shout! could not stop the runner: its stop takes longer than 50ms',
  });
});
