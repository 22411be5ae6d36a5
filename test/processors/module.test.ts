import { getEventListeners } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { type Runner, RunnerError } from '../../src/job/runner.ts';
import { eventually } from '../support/eventually.ts';
import { type LogLine, type Watched, makeContext, makeJob, makeRunner } from './harness.ts';

const KINDS = 'module!./modules/kinds.ts';

function act(
  runner: Runner,
  what: string,
  value?: unknown,
  context: Watched = makeContext(),
): Promise<Outcome> {
  return runner.run(makeJob({ parameters: { do: what, value } }), context);
}

describe('what a function returns or throws', () => {
  const lines: LogLine[] = [];
  let runner: Runner;
  beforeAll(async () => {
    runner = makeRunner(KINDS, { threads: 1, settings: { colour: 'red' }, lines });
    await runner.start();
  });
  afterAll(() => runner.stop());

  test.each<[string, unknown, Outcome]>([
    ['return', { a: [1, null] }, { kind: 'completed', data: { a: [1, null] } }],
    ['return', null, { kind: 'completed', data: null }],
    ['nothing', undefined, { kind: 'completed' }],
    ['date', undefined, { kind: 'completed', data: '1970-01-01T00:00:00.000Z' }],
    ['settings', undefined, { kind: 'completed', data: { colour: 'red' } }],
    ['fail', undefined, { kind: 'failed', message: 'no such package', retryable: false }],
    ['fail', { x: 1 }, { kind: 'failed', message: 'no such package', data: { x: 1 }, retryable: false }],
    ['block', undefined, { kind: 'blocked', reason: 'waiting for DB' }],
    ['block', 1500, { kind: 'blocked', reason: 'waiting for DB', delayMs: 1500 }],
    ['block', '10m', { kind: 'blocked', reason: 'waiting for DB', delayMs: 600_000 }],
    ['block', 'soon', { kind: 'blocked', reason: 'waiting for DB' }],
  ])('%s %j is its outcome', async (what, value, outcome) => {
    expect(await act(runner, what, value)).toEqual(outcome);
  });

  test('a delay that is no duration is logged', () => {
    expect(lines.map(({ message }) => message).join()).toContain('"soon"');
  });

  test.each([
    ['bigint', 'BigInt'],
    ['cycle', 'circular'],
    ['function', '"inner" is a function'],
  ])('a %s cannot be returned, and that is final', async (what, words) => {
    expect(await act(runner, what)).toEqual({
      kind: 'failed',
      retryable: false,
      message: expect.stringContaining(words) as string,
    });
  });

  test.each([
    ['throw', 'TypeError: boom'],
    ['throw-text', 'plain text'],
    ['throw-nothing', 'threw undefined'],
  ])('%s is a crash, which may be retried', async (what, message) => {
    expect(await act(runner, what)).toMatchObject({ kind: 'failed', retryable: true, message });
  });

  test('context.output gives whole lines, apart from what is half written', async () => {
    const context = makeContext();
    await act(runner, 'context-output', undefined, context);
    expect(context.lines).toEqual(['one', 'two', '', 'half whole']);
  });

  test('progress is kept within 0 and 100', async () => {
    const context = makeContext();
    await act(runner, 'progress', undefined, context);
    expect(context.steps).toEqual([
      [40, 'page 4 of 10'],
      [100, undefined],
    ]);
  });

  test("a log line carries the job, and the module's fields cannot pass for the daemon's", async () => {
    await act(runner, 'log');
    const fields = { page: 4, job: 'another', runner: 'another' };
    expect(lines).toContainEqual({ level: 'warn', message: 'careful', fields: { job: 'job-1', fields } });
  });

  test('an error after the end is logged, and the thread lives on', async () => {
    expect(await act(runner, 'late')).toEqual({ kind: 'completed', data: 'done' });
    await eventually(() => lines.some(({ message }) => message.includes('too late')), 'the log line');
    expect(await act(runner, 'return', 1)).toEqual({ kind: 'completed', data: 1 });
  });

  test('8 MiB go in and out', async () => {
    const text = 'ü'.repeat(4 * 1024 * 1024);
    expect(await act(runner, 'return', text)).toEqual({ kind: 'completed', data: text });
  });

  test('thousands of jobs leave nothing behind', async () => {
    const controller = new AbortController();
    const handles = process.getActiveResourcesInfo().length;
    for (let round = 0; round < 100; round++) {
      await Promise.all(
        Array.from({ length: 100 }, () =>
          runner.run(makeJob({ parameters: { do: 'nothing' } }), {
            ...makeContext(),
            signal: controller.signal,
          }),
        ),
      );
    }
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(handles + 5);
  });
});

describe('the end of a run', () => {
  async function withRunner(
    options: Parameters<typeof makeRunner>[1],
    use: (runner: Runner) => Promise<void>,
  ) {
    const runner = makeRunner(KINDS, { threads: 1, ...options });
    await runner.start();
    try {
      await use(runner);
    } finally {
      await runner.stop();
    }
  }

  async function startAndAbort(runner: Runner, what: string): Promise<void> {
    const context = makeContext();
    const run = act(runner, what, undefined, context);
    await eventually(() => context.lines.length > 0, 'the job to run');
    context.abort();
    await run;
  }

  test('a job that blocks its thread is over when its grace is', () =>
    withRunner({}, async (runner) => {
      const start = performance.now();
      await startAndAbort(runner, 'busy');
      expect(performance.now() - start).toBeLessThan(2_000);
      expect(await act(runner, 'return', 1)).toEqual({ kind: 'completed', data: 1 });
    }));

  test('neighbours of a job that ignores its signal finish', () =>
    withRunner({}, async (runner) => {
      const neighbour = act(runner, 'wait', 1_000);
      await startAndAbort(runner, 'never');
      expect(await act(runner, 'return', 1)).toEqual({ kind: 'completed', data: 1 });
      expect(await neighbour).toEqual({ kind: 'completed', data: 'waited' });
    }));

  test('neighbours of a job that blocks the thread are put back', () =>
    withRunner({}, async (runner) => {
      const context = makeContext();
      const neighbour = act(runner, 'wait', 60_000, context);
      await eventually(() => context.lines.length > 0, 'the neighbour to run');
      await startAndAbort(runner, 'busy');
      expect((await neighbour).kind).toBe('interrupted');
    }));

  test.each([
    ['exit', 'process.exit(3)'],
    ['reject', 'unhandled rejection: nobody listens'],
    ['uncaught', 'uncaught exception: out of the blue'],
  ])('%s ends one thread: its job has crashed, its neighbours are put back', (what, words) =>
    withRunner({}, async (runner) => {
      const context = makeContext();
      const neighbour = act(runner, 'wait', 60_000, context);
      await eventually(() => context.lines.length > 0, 'the neighbour to run');
      expect(await act(runner, what)).toMatchObject({
        kind: 'failed',
        retryable: true,
        message: expect.stringContaining(words) as string,
      });
      expect((await neighbour).kind).toBe('interrupted');
      expect(await act(runner, 'return', 1)).toEqual({ kind: 'completed', data: 1 });
    }),
  );
});

describe('where a function is found', () => {
  let far: string;
  beforeAll(async () => {
    far = await mkdtemp(join(tmpdir(), 'far-'));
    await mkdir(join(far, 'node_modules/pack'), { recursive: true });
    await writeFile(
      join(far, 'node_modules/pack/package.json'),
      JSON.stringify({ name: 'pack', exports: { '.': { import: './esm.mjs', require: './no.cjs' } } }),
    );
    await writeFile(join(far, 'node_modules/pack/esm.mjs'), 'export default () => "package";');
    await writeFile(join(far, 'a.js'), 'module.exports = () => "js";');
    await writeFile(join(far, 'b.mjs'), 'export default () => "mjs"; export const other = () => "other";');
    await writeFile(
      join(far, 'c.cjs'),
      'module.exports = { ["comp" + "uted"]: () => "cjs", default: () => "inner" };',
    );
    await writeFile(join(far, 'd.ts'), 'export default (job: { id: string }): string => job.id;');
    await writeFile(
      join(far, 'e.mts'),
      'import { Failed } from "rbit-ts"; export default () => { throw new Failed("from afar"); };',
    );
    await writeFile(
      join(far, 'f.cjs'),
      'const { Blocked } = require("rbit-ts"); module.exports = () => { throw new Blocked("later"); };',
    );
    await writeFile(
      join(far, 'copy.mjs'),
      `class Failed extends Error { [Symbol.for('rbit-ts.Failed')] = true; data = 7 }
       export default () => { throw new Failed("another copy"); };`,
    );
    await writeFile(join(far, 'syntax.mjs'), 'export default () => {\n  const = 1;\n};');
    await writeFile(join(far, 'throws.mjs'), 'throw new Error("no database");');
    await writeFile(join(far, 'exits.mjs'), 'process.exit(4);');
    await writeFile(join(far, 'awaits.mjs'), 'await new Promise(() => {}); export default () => 1;');
    await writeFile(join(far, 'value.mjs'), 'export default 42; export const first = () => 1;');
    await writeFile(join(far, 'g.txt'), '');
  });
  afterAll(() => rm(far, { recursive: true }));

  test.each<[string, Outcome]>([
    ['./a.js', { kind: 'completed', data: 'js' }],
    ['b.mjs', { kind: 'completed', data: 'mjs' }],
    ['./b.mjs:other', { kind: 'completed', data: 'other' }],
    ['./c.cjs', { kind: 'completed', data: 'inner' }],
    ['./c.cjs:computed', { kind: 'completed', data: 'cjs' }],
    ['d.ts', { kind: 'completed', data: 'job-1' }],
    ['pack', { kind: 'completed', data: 'package' }],
    ['./e.mts', { kind: 'failed', message: 'from afar', retryable: false }],
    ['./f.cjs', { kind: 'blocked', reason: 'later' }],
    ['./copy.mjs', { kind: 'failed', message: 'another copy', data: 7, retryable: false }],
  ])('module!%s', async (spec, outcome) => {
    const runner = makeRunner(`module!${spec}`, { directory: far, threads: 1 });
    await runner.start();
    expect(await runner.run(makeJob(), makeContext())).toEqual(outcome);
    await runner.stop();
  });

  test.each([
    ['', 'no path'],
    ['./missing.ts', 'there is no file'],
    ['missing.ts', 'there is no file'],
    ['no-such-package', "Cannot find package 'no-such-package'"],
    ['./g.txt', 'neither JavaScript nor TypeScript'],
    ['./node_modules', 'is not a file'],
    ['./syntax.mjs', 'SyntaxError'],
    ['./throws.mjs', 'no database'],
    ['./exits.mjs', 'process.exit(4)'],
    ['./value.mjs', 'no function is exported as "default" (it has: first)'],
    ['./b.mjs:nobody', 'no function is exported as "nobody" (it has: default, other)'],
    ['./awaits.mjs', `awaits.mjs: its top-level await never settles (undefined)`],
  ])('module!%s is refused at the start: %s', async (spec, words) => {
    const lines: LogLine[] = [];
    const runner = makeRunner(`module!${spec}`, { directory: far, threads: 1, lines });
    const refusal = await runner.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    await runner.stop();
    expect(refusal).toBeInstanceOf(RunnerError);
    const { message, fix } = refusal as RunnerError;
    expect(`${message} (${fix})`).toContain(words);
    expect(lines).toEqual([]);
  });
});

test('a thread may have no more in its heap than memory says, and the log tells so', async () => {
  const lines: LogLine[] = [];
  const runner = makeRunner(KINDS, { threads: 1, limits: { memory: 48 * 1024 * 1024 }, lines });
  await runner.start();
  expect(lines.map(({ message }) => message).join()).toContain('the heap of each thread');
  expect(await act(runner, 'memory')).toMatchObject({
    kind: 'failed',
    retryable: true,
    message: expect.stringContaining('memory') as string,
  });
  expect(await act(runner, 'return', 1)).toEqual({ kind: 'completed', data: 1 });
  await runner.stop();
});

test('a thread sees nothing of the environment but the base and env.*', async () => {
  process.env['FAKE_SECRET'] = 'hunter2';
  const runner = makeRunner(KINDS, { threads: 1, env: { EXTRA: 'yes' } });
  await runner.start();
  const outcome = await act(runner, 'environment');
  await runner.stop();
  delete process.env['FAKE_SECRET'];
  expect(outcome).toMatchObject({ kind: 'completed', data: { EXTRA: 'yes', PATH: process.env['PATH'] } });
  expect(JSON.stringify(outcome)).not.toContain('hunter2');
});
