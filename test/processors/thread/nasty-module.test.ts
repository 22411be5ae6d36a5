import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Runner } from '../../../src/job/runner.ts';
import { nonsenseCount } from '../../fixtures/modules/nasty.ts';
import { eventually } from '../../support/eventually.ts';
import { type LogLine, type Watched, isAlive, makeContext, makeJob, makeRunner } from '../harness.ts';

const GRACE_MS = 300;
const MIB = 1024 * 1024;

let runner: Runner;
let lines: LogLine[];

beforeEach(async () => {
  lines = [];
  runner = makeRunner('module!./modules/nasty.ts', { threads: 1, killGraceMs: GRACE_MS, lines });
  await runner.start();
});
afterEach(() => runner.stop());

function act(what: string, context: Watched = makeContext(), value?: unknown): Promise<Outcome> {
  return runner.run(makeJob({ parameters: { do: what, value } }), context);
}

describe('what a module says behind the back of its context', () => {
  test('nobody hears what it says to its parent port', async () => {
    expect(await act('say-to-parent')).toEqual({ kind: 'completed', data: 'said' });
    expect(await act('nothing')).toEqual({ kind: 'completed', data: 'nothing' });
    expect(lines).toEqual([]);
  });

  test('it finds nothing of the thread in workerData', async () => {
    expect(await act('data')).toEqual({ kind: 'completed', data: [] });
  });

  test.each(Array.from({ length: nonsenseCount }, (_, index) => [index]))(
    'nonsense %i on the channel of its thread ends that thread and its job',
    async (index) => {
      const context = makeContext();
      expect(await act('say', context, index)).toMatchObject({
        kind: 'failed',
        retryable: true,
        message: 'said something unintelligible',
      });
      expect(context.lines).toEqual(['1 ports']);
      expect(await act('nothing')).toEqual({ kind: 'completed', data: 'nothing' });
    },
  );

  test('it may replace JSON in its thread', async () => {
    expect(await act('patch')).toEqual({ kind: 'completed', data: { a: 1 } });
    expect(lines).toEqual([
      { level: 'info', message: 'patched', fields: { job: 'job-1', fields: { page: 4 } } },
    ]);
  });
});

describe('a flood', () => {
  test.each(['progress', 'progress-by-turns', 'log', 'output', 'print'])(
    'of %s neither stops the daemon nor fills it, and its job is over in time',
    async (what) => {
      let count = 0;
      // A log line is no cheaper.
      const take = () => {
        count += 1;
        for (const until = performance.now() + 0.02; performance.now() < until; );
      };
      const controller = new AbortController();
      const context = {
        ...makeContext(),
        signal: controller.signal,
        output(line: string) {
          take();
          return line;
        },
        progress: take,
      };
      const flooded = makeRunner('module!./modules/nasty.ts', {
        threads: 1,
        killGraceMs: GRACE_MS,
        log: take,
      });
      await flooded.start();
      const before = process.memoryUsage.rss();
      const loop = monitorEventLoopDelay({ resolution: 10 });
      const start = performance.now();
      loop.enable();
      setTimeout(() => controller.abort(), 300);
      await flooded.run(makeJob({ parameters: { do: what } }), context);
      loop.disable();
      await flooded.stop();
      expect(performance.now() - start).toBeLessThan(300 + GRACE_MS + 8_000);
      // Generous, for a busy machine: without bounds it was half a minute.
      expect(loop.max / 1e6).toBeLessThan(3_000);
      expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB);
      expect(count).toBeGreaterThan(0);
    },
  );
});

describe('what a module has started is gone', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nasty-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function isGone(context: Watched): Promise<boolean> {
    const [pid] = context.lines;
    expect(Number(pid)).toBeGreaterThan(1);
    return !(await isAlive(Number(pid)));
  }

  test.each(['spawn', 'spawn-and-block'])('when its thread is ended: %s', async (what) => {
    const context = makeContext();
    const run = act(what, context);
    await eventually(() => context.lines.length > 0, 'the child runs');
    context.abort();
    await run;
    expect(await isGone(context)).toBe(true);
  });

  test('when it ends its thread itself', async () => {
    const context = makeContext();
    await act('spawn-and-exit', context);
    expect(await isGone(context)).toBe(true);
  });

  test('when the runner stops, also of jobs that have ended long before', async () => {
    const context = makeContext();
    expect(await act('spawn', context, 'return')).toEqual({ kind: 'completed', data: 'done' });
    expect(await isGone(context)).toBe(false);
    await runner.stop();
    expect(await isGone(context)).toBe(true);
  });

  test('when the runner stops, with a thread that waits for it and hears nothing', async () => {
    const file = join(folder, 'pid');
    const context = makeContext();
    const run = act('exec-sync', context, file);
    await eventually(async () => {
      context.lines.splice(0, 1, (await readFile(file, 'utf8').catch(() => '')).trim());
      return context.lines[0] !== '';
    }, 'the child runs');
    const start = performance.now();
    await runner.stop();
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(await isGone(context)).toBe(true);
    expect((await run).kind).toBe('interrupted');
    expect(lines).toEqual([]);
  });
});
