import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { type Runner, RunnerError } from '../../src/job/runner.ts';
import { eventually } from '../support/eventually.ts';
import {
  type LogLine,
  makeContext,
  makeJob,
  makeRunner,
  type RunnerChanges,
  type Watched,
} from './harness.ts';

const GRACE_MS = 300;
const INSIDE = 'module!./modules/inside.ts';

let runner: Runner;
let lines: LogLine[];

/** What the daemon itself prints while tests run. */
const printed: string[] = [];
const stdout = process.stdout as unknown as { write: (chunk: string | Uint8Array) => boolean };
const { write: print } = stdout;
const printInstead = (chunk: string | Uint8Array): boolean => printed.push(String(chunk)) > 0;

const make = (changes: RunnerChanges = {}, line = INSIDE): Runner =>
  makeRunner(line, { isolation: 'none', killGraceMs: GRACE_MS, lines, ...changes });

/** Lends another runner. */
async function withRunner(
  changes: RunnerChanges,
  line: string,
  use: (other: Runner) => Promise<void>,
): Promise<void> {
  const other = make(changes, line);
  await other.start();
  try {
    await use(other);
  } finally {
    await other.stop();
  }
}

beforeEach(async () => {
  lines = [];
  printed.length = 0;
  stdout.write = printInstead;
  runner = make();
  await runner.start();
});
afterEach(async () => {
  await runner.stop();
  stdout.write = print;
});

function act(what: string, value?: unknown, context: Watched = makeContext()): Promise<Outcome> {
  return runner.run(makeJob({ parameters: { do: what, value } }), context);
}

test('jobs run in the daemon, and all runners of a file share it', async () => {
  const one = (await act('who')) as { data?: { pid: number; jobs: number } };
  await withRunner({}, INSIDE, async (other) => {
    const two = await other.run(makeJob({ parameters: { do: 'who' } }), makeContext());
    expect(one.data?.pid).toBe(process.pid);
    expect(two).toMatchObject({ data: { pid: process.pid, jobs: (one.data?.jobs ?? 0) + 1 } });
  });
});

test('a function that is not asynchronous will do', () =>
  withRunner({}, `${INSIDE}:plain`, async (plain) => {
    expect(await plain.run(makeJob(), makeContext())).toStrictEqual({ kind: 'completed', data: 'job-1' });
  }));

test('a value that cannot even be waited for is a crash', async () => {
  expect(await act('asynchronous-getter')).toMatchObject({
    kind: 'failed',
    retryable: true,
    message: 'not even this',
  });
});

describe('what is printed', () => {
  test("is the job's that prints it, however many run at once", async () => {
    const contexts = Array.from({ length: 5 }, () => makeContext());
    await Promise.all(contexts.map((context, index) => act('print', index, context)));
    for (const [index, context] of contexts.entries()) {
      expect(context.lines).toEqual([`log ${index}`, `error ${index}`, `output ${index}`]);
    }
    expect(printed).toEqual([]);
  });

  test('by no job goes where it went before', async () => {
    const neighbour = act('print', 1);
    process.stdout.write('a line of the daemon\n');
    await neighbour;
    expect(printed).toEqual(['a line of the daemon\n']);
    await runner.stop();
    expect(stdout.write).toBe(printInstead);
  });

  test('by the daemon for a job, as its log does, is not taken for what the job prints', async () => {
    const say = (what: string): unknown => process.stdout.write(`the daemon heard ${what}\n`);
    const context = {
      ...makeContext(),
      output(line: string) {
        say(line);
        return line;
      },
      progress: (_percent: number, message?: string) => say(String(message)),
    };
    await withRunner({ log: (_level, message) => say(message) }, INSIDE, async (chatty) => {
      await chatty.run(makeJob({ parameters: { do: 'everything' } }), context);
    });
    expect(printed).toEqual(['one', 'two', 'three', 'four'].map((what) => `the daemon heard ${what}\n`));
  });

  test('is kept apart from memory that its writer uses again', async () => {
    const context = makeContext();
    await act('half-a-line', undefined, context);
    expect(context.lines).toEqual(['one two']);
  });

  test('is told to have been written, each time and in order, after the write', async () => {
    const before = process.stdout.listenerCount('error');
    expect(await act('callbacks')).toStrictEqual({
      kind: 'completed',
      data: ['written', 'note null', 'note null', 'another'],
    });
    expect(process.stdout.listenerCount('error')).toBe(before);
  });

  test('while its module loads is logged', async () => {
    await withRunner({}, 'module!./modules/loud.ts', async () => {
      expect(lines).toEqual([{ level: 'info', message: 'loading', fields: undefined }]);
    });
    expect(printed).toEqual([]);
  });
});

describe('an abort', () => {
  test('what listens to it runs, and prints, as the job', async () => {
    const context = makeContext();
    const run = act('heed', undefined, context);
    await eventually(() => context.lines.length > 0, 'the job to run');
    context.abort();
    await run;
    expect(context.lines).toEqual(['waiting', 'I am told to end']);
    expect(lines).toEqual([]);
  });

  test('a job that ignores it is over when its grace is, with one warning, and nobody hears it any more', async () => {
    const context = makeContext();
    const run = act('ignore', 900, context);
    await eventually(() => context.lines.length > 0, 'the job to run');
    const start = performance.now();
    context.abort();
    expect((await run).kind).toBe('interrupted');
    expect(performance.now() - start).toBeGreaterThanOrEqual(GRACE_MS - 5);
    expect(performance.now() - start).toBeLessThan(GRACE_MS + 400);
    await eventually(() => lines.some(({ message }) => message === 'late print'), 'what it prints late');
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'a job ignored its abort signal for 300ms: it runs on inside the daemon, unheard'],
      ['info', 'late output'],
      ['info', 'late print'],
    ]);
    expect(context.lines).toEqual(['waiting']);
    expect(context.steps).toEqual([]);
  });

  test('thousands of jobs leave no listener', async () => {
    const controller = new AbortController();
    for (let round = 0; round < 20; round++) {
      const jobs = Array.from({ length: 100 }, () =>
        act('listen', undefined, { ...makeContext(), signal: controller.signal }),
      );
      await Promise.all(jobs);
    }
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

test.each([
  ['./modules/missing.ts', 'there is no file'],
  ['no-such-package', "Cannot find package 'no-such-package'"],
  ['./modules/inside.ts:nobody', 'no function is exported as "nobody" (it has: default, plain)'],
])('module!%s is refused at the start: %s', async (spec, words) => {
  const refusal = await make({}, `module!${spec}`)
    .start()
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(refusal).toBeInstanceOf(RunnerError);
  const { message, fix } = refusal as RunnerError;
  expect(`${message} (${fix})`).toContain(words);
});
