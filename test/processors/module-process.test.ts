import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { type Runner, RunnerError } from '../../src/job/runner.ts';
import { eventually } from '../support/eventually.ts';
import {
  FIXTURES,
  isAlive,
  type LogLine,
  makeContext,
  makeJob,
  makeRunner,
  type RunnerChanges,
  type Watched,
} from './harness.ts';

const MIB = 1024 * 1024;
const lines: LogLine[] = [];
let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'apart-')));
});
beforeEach(() => {
  lines.length = 0;
});
afterAll(() => rm(folder, { recursive: true }));

async function startRunner(changes: RunnerChanges = {}, file = 'apart'): Promise<Runner> {
  const runner = makeRunner(`module!./modules/${file}.ts`, { isolation: 'process', lines, ...changes });
  await runner.start();
  return runner;
}

function act(
  runner: Runner,
  what: string,
  value?: unknown,
  context: Watched = makeContext(),
): Promise<Outcome> {
  return runner.run(makeJob({ parameters: { do: what, value } }), context);
}

describe('one process', () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner({ concurrency: 1, cwd: 'modules', settings: { colour: 'red' } });
  });
  afterAll(() => runner.stop());

  test('works one job after the other, in the folder that cwd names', async () => {
    const first = await act(runner, 'who');
    const pid = expect.any(Number) as number;
    const cwd = join(FIXTURES, 'modules');
    expect(first).toStrictEqual({ kind: 'completed', data: { pid, jobs: 1, cwd, argv: 2 } });
    expect(await act(runner, 'who')).toMatchObject({
      data: { ...(first.kind === 'completed' ? (first.data as object) : {}), jobs: 2 },
    });
  });

  test('gets the job that a thread would get', async () => {
    const body = { group: 'g', parameters: { do: 'facts' }, dynamic: { cart: 7 }, notify: ['no object'] };
    const job = makeJob(body, {
      group: 'g',
      notify: {},
      correlationId: 'c',
      replyTo: 'r',
      headers: { h: [1] },
      timestamp: 5,
    });
    expect(await runner.run(job, makeContext(JSON.stringify(body, undefined, 2)))).toStrictEqual({
      kind: 'completed',
      data: { job, settings: { colour: 'red' } },
    });
  });

  test('hands on none of the descriptors by which it speaks with the daemon', async () => {
    const { data } = (await act(runner, 'descriptors')) as { data?: string[] };
    // Those beyond came with the tests themselves.
    expect(data?.filter((descriptor) => Number(descriptor) < 16)).toEqual(['0', '1', '2', '3']);
  });

  test('an error, a line and a log line after the end of a job are logged, and the process lives on', async () => {
    const { data: pid } = (await act(runner, 'late')) as { data?: unknown };
    await eventually(() => lines.some(({ message }) => message.includes('too late')), 'the log line');
    expect(lines.map(({ level, message, fields }) => [level, message, fields?.['fields'] ?? fields])).toEqual(
      [
        ['info', 'a late line', expect.anything()],
        ['warn', 'a late word', { page: 4 }],
        ['error', 'a job that had ended threw: too late', expect.anything()],
      ],
    );
    expect(await act(runner, 'who')).toMatchObject({ data: { pid } });
  });

  test('progress is told as often as there is news of use, and its last word always', async () => {
    const context = makeContext();
    await act(runner, 'progress', undefined, context);
    expect(context.steps.at(-1)).toEqual([100, 'done']);
    expect(context.steps.length).toBeLessThan(1_000);
  });

  test.each([
    ['nested 999 levels deep is sent', 'deep', 999, 'completed'],
    ['nested deeper is a failure, and not silence', 'deep', 1_000, 'failed'],
    ['of 16 MiB is sent', 'large', 8 * MIB - 1, 'completed'],
    ['of more is a failure', 'large', 8 * MIB, 'failed'],
  ])('data %s', async (_, what, value, kind) => {
    expect((await act(runner, what, value)).kind).toBe(kind);
  });

  test('what a job writes to its answers is no answer', async () => {
    expect(await act(runner, 'write')).toStrictEqual({ kind: 'completed', data: 'written' });
  });
});

describe('the end of a process', () => {
  test.each([
    ['exit', 'the runner called process.exit(3)'],
    ['reject', 'unhandled rejection: nobody listens'],
    ['uncaught', 'uncaught exception: out of the blue'],
  ])('%s is a crash of its job, and of no other', async (what, message) => {
    const runner = await startRunner({ concurrency: 2 }, 'kinds');
    const context = makeContext();
    const neighbour = act(runner, 'wait', 700, context);
    await eventually(() => context.lines.length > 0, 'the neighbour to run');
    expect(await act(runner, what)).toMatchObject({ kind: 'failed', retryable: true, message });
    expect(await act(runner, 'return', 1)).toEqual({ kind: 'completed', data: 1 });
    expect(await neighbour).toEqual({ kind: 'completed', data: 'waited' });
    expect(lines).toEqual([]);
    await runner.stop();
  });

  test('one that has too much in its heap has crashed, and its neighbour goes on', async () => {
    const runner = await startRunner({ concurrency: 2, limits: { memory: 64 * MIB } }, 'kinds');
    expect(lines.map(({ message }) => message).join()).toContain('heap');
    const context = makeContext();
    const neighbour = act(runner, 'wait', 3_000, context);
    await eventually(() => context.lines.length > 0, 'the neighbour to run');
    expect(await act(runner, 'memory')).toMatchObject({
      kind: 'failed',
      retryable: true,
      message: expect.stringMatching(/^the process ended: .*heap out of memory$/) as string,
    });
    expect(await neighbour).toEqual({ kind: 'completed', data: 'waited' });
    await runner.stop();
  });

  test('after max-jobs jobs another takes its place', async () => {
    const runner = await startRunner({ concurrency: 1, maxJobs: 2 });
    const pids: unknown[] = [];
    for (let job = 0; job < 4; job++) {
      const outcome = await act(runner, 'who');
      pids.push((outcome as { data?: { pid: number } }).data?.pid);
    }
    expect(pids[1]).toBe(pids[0]);
    expect(pids[3]).toBe(pids[2]);
    expect(pids[2]).not.toBe(pids[0]);
    await runner.stop();
  });

  test('an aborted job has its grace to clean up', async () => {
    const runner = await startRunner({ killGraceMs: 5_000 });
    const context = makeContext();
    const file = join(folder, 'cleaned');
    const run = act(runner, 'clean-up', file, context);
    await eventually(() => context.lines.length > 0, 'the job to run');
    const start = performance.now();
    context.abort();
    await run;
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(await readFile(file, 'utf8')).toBe('cleaned up');
    await runner.stop();
  });

  test('a listener that throws at the abort costs the daemon nothing', async () => {
    const runner = await startRunner();
    const context = makeContext();
    const run = act(runner, 'listener-throws', undefined, context);
    await eventually(() => context.lines.length > 0, 'the job to run');
    context.abort();
    await run;
    expect((await act(runner, 'who')).kind).toBe('completed');
    await runner.stop();
  });

  test('when its daemon is killed it ends, a job that ignores its signal too', async () => {
    const daemon: ChildProcess = spawn(process.execPath, [join(FIXTURES, 'modules/daemon-of-one.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(daemon.stdout ?? daemon, 'data')) as [Buffer];
    const pid = Number(said.toString());
    expect(await isAlive(pid)).toBe(true);
    daemon.kill('SIGKILL');
    await eventually(async () => !(await isAlive(pid)), 'the process ends');
  });
});

describe('where a function is found', () => {
  beforeAll(async () => {
    await writeFile(join(folder, 'b.mjs'), 'export default () => "mjs"; export const other = () => "other";');
    await writeFile(join(folder, 'c.cjs'), 'module.exports = () => "cjs";');
    await writeFile(
      join(folder, 'e.mts'),
      'import { Blocked } from "rbit-ts"; export default () => { throw new Blocked("from afar"); };',
    );
    await writeFile(join(folder, 'throws.mjs'), 'throw new Error("no database");');
    await writeFile(join(folder, 'exits.mjs'), 'process.exit(4);');
    await writeFile(join(folder, 'awaits.mjs'), 'await new Promise(() => {}); export default () => 1;');
    await writeFile(join(folder, 'ends.mjs'), 'process.kill(process.pid, "SIGKILL"); for (;;);');
    await writeFile(join(folder, 'syntax.mjs'), 'export default () => {\n  const = 1;\n};');
  });

  const make = (spec: string, changes: RunnerChanges = {}): Runner =>
    makeRunner(`module!${spec}`, { directory: folder, isolation: 'process', lines, ...changes });

  test.each<[string, Outcome]>([
    ['b.mjs:other', { kind: 'completed', data: 'other' }],
    ['./c.cjs', { kind: 'completed', data: 'cjs' }],
    ['./e.mts', { kind: 'blocked', reason: 'from afar' }],
  ])('module!%s', async (spec, outcome) => {
    const runner = make(spec);
    await runner.start();
    expect(await runner.run(makeJob(), makeContext())).toEqual(outcome);
    await runner.stop();
  });

  test.each([
    ['./missing.ts', {}, 'there is no file'],
    ['no-such-package', {}, "Cannot find package 'no-such-package' (npm install no-such-package in "],
    ['./syntax.mjs', {}, 'syntax.mjs: SyntaxError'],
    ['./throws.mjs', {}, 'no database'],
    ['./exits.mjs', {}, 'process.exit(4)'],
    ['./ends.mjs', {}, 'SIGKILL'],
    ['./awaits.mjs', {}, 'its top-level await never settles'],
    ['./b.mjs:nobody', {}, 'no function is exported as "nobody" (it has: default, other)'],
    ['./b.mjs', { cwd: 'nowhere' }, 'nowhere is not a directory'],
  ])('module!%s %j is refused at the start: %s', async (spec, changes, words) => {
    const runner = make(spec, changes);
    const refusal = await runner.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    await runner.stop();
    expect(refusal).toBeInstanceOf(RunnerError);
    const { message, fix } = refusal as RunnerError;
    expect(`${message} (${fix})`).toContain(words);
  });
});
