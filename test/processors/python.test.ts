import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import type { Runner } from '../../src/job/runner.ts';
import { eventually } from '../support/eventually.ts';
import { findPython } from '../support/python.ts';
import { isAlive, makeContext, makeJob, makeRunner, type Watched } from './harness.ts';
import { FIXTURES, type LogLine } from './make-runner.ts';

const directory = join(FIXTURES, 'python');
const env = { PYTHONDONTWRITEBYTECODE: '1', FROM_INI: 'yes' };
const python = findPython();
const lines: LogLine[] = [];
let runner: Runner;

const start = async (line: string, changes: Parameters<typeof makeRunner>[1] = {}): Promise<Runner> => {
  const made = makeRunner(line, { directory, env, python, concurrency: 1, ...changes });
  await made.start();
  return made;
};

const run = (on: Runner, body: unknown, context: Watched = makeContext()): Promise<Outcome> =>
  on.run(makeJob(body), context);

const act = (what: string, value?: unknown, context?: Watched): Promise<Outcome> =>
  run(runner, { do: what, value }, context);

beforeAll(async () => {
  runner = await start('python!callables:act', { lines });
});
afterAll(() => runner.stop());

describe('what a callable returns', () => {
  test.each<[unknown, Outcome]>([
    [null, { kind: 'completed' }],
    ['text', { kind: 'completed', data: 'text' }],
    [{ a: [1, null, 'é\n'] }, { kind: 'completed', data: { a: [1, null, 'é\n'] } }],
    [false, { kind: 'completed', data: false }],
    [[], { kind: 'completed', data: [] }],
  ])('%j is the data of its reply, and None is none', async (value, outcome) => {
    expect(await act('return', value)).toEqual(outcome);
  });

  test.each<[string, unknown]>([
    ['surrogate', 'a\ud800b'],
    ['separators', 'a\u2028\u2029\r\nb'],
    ['tuple', [1, 'é']],
    ['named', [1, 2]],
  ])('%s fits into a line', async (what, data) => {
    expect(await act('return_fine', what)).toEqual({ kind: 'completed', data });
  });

  test('lists within lists are data', async () => {
    const { data } = (await act('return_fine', 'depth')) as { data: unknown };
    expect(JSON.stringify(data)).toBe('['.repeat(500) + ']'.repeat(500));
  });

  test.each(['object', 'not a number', 'infinite', 'set', 'generator', 'bytes', 'deep', 'deeper'])(
    '%s is no data, since JSON cannot carry it',
    async (what) => {
      expect(await act('return_odd', what)).toEqual({ kind: 'completed' });
    },
  );

  test('15 MiB are data, 17 MiB are a failure', async () => {
    const { data } = (await act('return_mib', 15)) as { data: string };
    expect(data).toHaveLength(15 * 1024 * 1024);
    expect(await act('return_mib', 17)).toEqual({
      kind: 'failed',
      retryable: false,
      message: 'its data is too large: 17825794 bytes, at most 16 MiB',
    });
  });

  test('an async function is awaited', async () => {
    const waits = await start('python!callables:wait');
    expect(await run(waits, {})).toEqual({ kind: 'completed', data: 'waited' });
    await waits.stop();
  });
});

describe('what a callable raises', () => {
  const failed = { kind: 'failed', retryable: false, message: 'no such package' };
  const blocked = { kind: 'blocked', reason: 'waiting for DB' };

  test.each<[string, unknown]>([
    ['failed', failed],
    ['failed class', { ...failed, message: 'the runner raised Failed' }],
    ['failed data', { ...failed, data: { name: 'm9003' } }],
    ['failed keyword', { ...failed, data: [1] }],
    ['failed many', { ...failed, message: "('no %s', 'such', 'package')" }],
    [
      'failed cycle',
      { ...failed, message: 'no such package (its data is not JSON: Circular reference detected)' },
    ],
    [
      'failed huge',
      {
        ...failed,
        message: 'no such package (its data is too large: 17825794 bytes, at most 16 MiB)',
      },
    ],
    ['failed subclass', { ...failed, message: 'm9003' }],
    ['failed subclass silent', { ...failed, message: 'the runner raised NoSuchPackage' }],
    ['failed copy', { ...failed, message: 'from a copy' }],
    ['blocked', blocked],
    ['blocked class', { ...blocked, reason: 'the runner raised Blocked' }],
    ['blocked text', { ...blocked, delayMs: 600_000 }],
    ['blocked delta', { ...blocked, delayMs: 120_000 }],
    ['blocked ms', { ...blocked, delayMs: 1_500 }],
    ['blocked soon', blocked],
    ['blocked zero', blocked],
    ['blocked zero float', blocked],
    ['blocked zero delta', blocked],
    ['blocked empty', blocked],
    ['blocked nan', blocked],
    ['blocked false', blocked],
    ['blocked wordless', { ...blocked, reason: 'the runner raised Blocked' }],
    ['failed wordless', { ...failed, message: 'the runner raised Failed', data: { name: 'm9003' } }],
    ['blocked object', blocked],
    ['blocked silent', { ...blocked, reason: 'the runner raised Silent' }],
  ])('%s is its outcome', async (what, outcome) => {
    expect(await act('raise', what)).toEqual(outcome);
  });

  test.each([
    ['value', 'ValueError: boom'],
    ['two lines', 'ValueError: one\ntwo'],
    ['nothing', 'RuntimeError'],
    ['unprintable', 'Unprintable: (its text cannot be had)'],
    ['exit', 'the runner called sys.exit(3)'],
    ['exit none', 'the runner called sys.exit()'],
    ['interrupt', 'KeyboardInterrupt'],
    ['generator exit', 'GeneratorExit'],
  ])('%s is a crash, and the process goes on', async (what, message) => {
    const before = await act('pid');
    expect(await act('raise', what)).toMatchObject({ kind: 'failed', retryable: true, message });
    expect(await act('pid')).toEqual(before);
  });

  test('a crash brings its traceback, which begins with the runner’s own code', async () => {
    const outcome = await act('raise', 'value');
    expect(outcome).toMatchObject({
      detail: expect.stringMatching(
        /^Traceback .*\n {2}File "[^"]*callables.py", line \d+, in act\n[^]*ValueError: boom$/,
      ) as string,
    });
  });

  test('endless recursion is a crash with the end of its traceback', async () => {
    expect(await act('recurse')).toMatchObject({
      message: expect.stringContaining('RecursionError') as string,
    });
  });
});

describe('what a callable gets', () => {
  test('settings are all keys of the section, in one dict for all jobs of a process', async () => {
    const section = { runner: 'python!callables:count', 'output-dir': '/tmp' };
    const counts = await start('python!callables:count', { section, settings: { 'output-dir': '/tmp' } });
    expect(await run(counts, {})).toEqual({ kind: 'completed', data: { ...section, seen: '1' } });
    expect(await run(counts, {})).toEqual({ kind: 'completed', data: { ...section, seen: '2' } });
    await counts.stop();
  });

  test('its first path is the folder of the INI file, where it runs', async () => {
    expect(await act('environment')).toEqual({
      kind: 'completed',
      data: [directory, directory, 'yes', ['callables:act']],
    });
  });

  test('rbit.job() tells what is known of the job, but for its body', async () => {
    const job = makeJob({ do: 'job' }, { correlationId: 'c-1', headers: { 'x-a': 1 } });
    const { body: _body, parameters: _p, dynamic: _d, notify: _n, ...facts } = job;
    expect(await runner.run(job, makeContext())).toEqual({ kind: 'completed', data: facts });
  });

  test('a body that is no JSON is a text', async () => {
    const gives = await start('python!callables:give_back');
    expect(await run(gives, 'é "quoted"\n')).toEqual({ kind: 'completed', data: 'é "quoted"\n' });
    await gives.stop();
  });

  test('a number that Python refuses fails its job, and no other', async () => {
    const raw = `{"do":"return","value":1${'0'.repeat(5000)}}`;
    const outcome = await runner.run(makeJob({ do: 'return' }), makeContext(raw));
    expect(outcome).toMatchObject({ kind: 'failed', retryable: false });
    expect(await act('nothing_such')).toMatchObject({
      message: expect.stringContaining('KeyError') as string,
    });
  });

  test('a byte that is no UTF-8 becomes U+FFFD', async () => {
    const raw = Buffer.from('{"do":"return","value":"a\xffb"}', 'latin1');
    expect(await runner.run(makeJob({ do: 'return' }), makeContext(raw))).toEqual({
      kind: 'completed',
      data: 'a\ufffdb',
    });
  });

  test('a program that it starts gets neither the jobs nor the answers, and an empty standard input', async () => {
    expect(await act('descriptors')).toEqual({ kind: 'completed', data: [['0', '1', '2', '3'], ''] });
  });
});

describe('what a callable says', () => {
  test('progress is told, within 0 and 100', async () => {
    const context = makeContext();
    await act('progress', null, context);
    expect(context.steps).toEqual([
      [40, 'page 4 of 10'],
      [41.5, undefined],
      [100, undefined],
      [99, 'refused'],
    ]);
  });

  test('what it prints and logs, and what its programs print, is output before its end', async () => {
    const context = makeContext();
    await act('print', null, context);
    expect(context.lines.toSorted()).toEqual(
      ['one', 'halfwhole', 'ünï \\ud800', 'logged', 'from a program', 'from its stderr', 'last'].toSorted(),
    );
  });

  test.each(['close', 'close descriptors', 'replace', 'nothing', 'redirect', 'not blocking', 'delete'])(
    'the streams that a job did harm to (%s) are whole for the next one',
    async (how) => {
      const before = await act('pid');
      await act('spoil', how);
      const context = makeContext();
      await act('say', 'heard', context);
      expect(context.lines).toEqual(['heard', 'heard']);
      expect(await act('pid')).toEqual(before);
    },
  );

  test('many threads tell progress in whole lines', async () => {
    const context = makeContext();
    expect(await act('thread', null, context)).toEqual({ kind: 'completed' });
    expect(context.steps).toHaveLength(800);
  });

  test('what a thread of an ended job prints is output; it tells no progress, and is told of no job', async () => {
    await act('late');
    const context = makeContext();
    await act('release', null, context);
    expect(context.lines).toEqual(['late', '{}']);
    expect(context.steps).toEqual([]);
  });

  test('a thread speaks for the job that started it, one of the module for any, and any with the context of a job', async () => {
    const heard: unknown[] = [];
    for (let n = 0; n < 2; n++) {
      const context = makeContext();
      await act('servants', null, context);
      heard.push(context.steps.map(([percent]) => percent));
    }
    expect(heard).toEqual([
      [1, 2, 3],
      [1, 3],
    ]);
  });

  test('a process that multiprocessing starts anew has rbit, too', async () => {
    expect(await act('spawn')).toEqual({ kind: 'completed', data: ['Failed', 'in the other process'] });
  });

  test.each([
    ['return', 0],
    ['raise', 1],
    ['exit', 7],
  ])('a fork that comes back (%s) answers nothing and ends', async (how, code) => {
    const context = makeContext();
    expect(await act('fork', how, context)).toEqual({ kind: 'completed', data: code });
    expect(context.steps).toEqual([]);
    expect(await act('return', 'next')).toEqual({ kind: 'completed', data: 'next' });
  });
});

describe('a process', () => {
  test.each([
    ['exit', '3'],
    ['segv', 'SIGSEGV'],
    ['kill', 'SIGKILL'],
  ])('that ends under its job (%s) is a crash, and another takes its place', async (how, why) => {
    expect(await act('kill', how)).toMatchObject({
      kind: 'failed',
      retryable: true,
      message: expect.stringContaining(why) as string,
    });
    expect(await act('return', 'next')).toEqual({ kind: 'completed', data: 'next' });
  });

  test('a crash of the interpreter says where it happened', async () => {
    const outcome = await act('kill', 'segv');
    expect(JSON.stringify(outcome)).toContain('do_kill');
  });

  test('that has to end lets its job clean up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rbit-test-'));
    const context = makeContext();
    const cleans = await start('python!callables:act', { killGraceMs: 10_000 });
    const ended = run(cleans, { do: 'clean_up', value: folder }, context);
    await eventually(() => context.lines.length > 0, 'the job runs');
    context.abort();
    await ended;
    expect(await readdir(folder)).toEqual([]);
    await cleans.stop();
    await rm(folder, { recursive: true });
  });

  test('ends with its runner', async () => {
    const one = await start('python!callables:act');
    const { data } = (await run(one, { do: 'pid' })) as { data: number };
    await one.stop();
    expect(await isAlive(data)).toBe(false);
  });

  test('works 2,000 jobs in no time', async () => {
    for (let count = 0; count < 2_000; count++) {
      expect(await act('return', count)).toEqual({ kind: 'completed', data: count });
    }
  });
});

describe('a line that can never work is refused at the start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbit-test-'));
    const files = {
      'old.py': 'print "x"\n',
      'caught.py': 'try:\n    pass\nexcept Exception, e:\n    pass\n',
      'needs.py': 'import no_such_dependency\n',
      'older.py': 'import ConfigParser\n',
      'broken.py': 'def f(:\n',
      'leaves.py': 'import sys\nsys.exit(1)\n',
      'divides.py': 'x = 1\n1 / 0\n',
      'empty.py': '',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const refusal = async (line: string, changes = {}): Promise<string> => {
    const one = makeRunner(line, { directory, env, python, ...changes });
    const error = (await one.start().then(
      () => new Error('it started'),
      (thrown: unknown) => thrown,
    )) as Error & { fix?: string };
    await one.stop();
    expect(error.name).toBe('RunnerError');
    return error.fix === undefined ? error.message : `${error.message} (${error.fix})`;
  };

  test.each([
    ['python!', 'no callable after python! (try python!my_module:my_function)'],
    ['python!runners.pdf', 'names no callable (try python!runners:pdf)'],
    ['python!runners/pdf.py', 'names no callable (try python!runners.pdf:main)'],
    ['python!pdf', 'names no callable (try python!pdf:main)'],
    ['python!pdf:', 'names no callable'],
    ['python!:main', 'names no module'],
    ['python!a:b:c', 'more than one colon'],
    ['python!pdf:main %ID', 'has spaces in it'],
    ['python!./runners/pdf.py:main', 'is a path, not a module (try python!runners.pdf:main)'],
    ['python!..pdf:main', 'no module’s name'.replace('’', "'")],
    ['python!pdf:main()', 'leave out the parentheses'],
    [
      'python!no_such_module:main',
      `there is no Python module no_such_module (it is looked for in ${directory}`,
    ],
    ['python!callables.more:main', 'there is no Python module callables.more'],
    ['python!callables:aact', 'has no aact (did you mean act?)'],
    ['python!callables:Shop.sel', 'has no Shop.sel (did you mean sell?)'],
    ['python!callables:zzz', 'it has: '],
    ['python!callables:COUNT.most_comon', 'has no COUNT.most_comon (did you mean most_common?)'],
    ['python!callables:Shop.shelf', 'is of type int (name a function)'],
    ['python!callables:too_few', 'takes (build_request) (it is called with build_request and settings)'],
    ['python!callables:generate', 'is a generator'],
  ])('%s', async (line, words) => {
    expect(await refusal(line)).toContain(words);
  });

  test.each([
    ['old', 'old.py:1: Missing parentheses'],
    ['old', 'convert it with 2to3'],
    ['caught', 'convert it with 2to3'],
    ['older', 'convert it with 2to3'],
    ['needs', "needs.py:1: ModuleNotFoundError: No module named 'no_such_dependency' (install it"],
    ['broken', 'broken.py:1: invalid syntax'],
    ['leaves', 'cannot import leaves: '],
    ['divides', 'divides.py:2: ZeroDivisionError: division by zero'],
    ['empty', 'it defines nothing that can be called'],
  ])('python!%s:main: %s', async (module, words) => {
    expect(await refusal(`python!${module}:main`, { directory: folder })).toContain(words);
  });

  test('a Python that is not there', async () => {
    expect(await refusal('python!callables:act', { python: 'no-such-python' })).toContain(
      'install no-such-python, or set python = …',
    );
    const words = await refusal('python!callables:act', { python: './no-such-python' });
    expect(words).toContain(join(directory, 'no-such-python'));
  });
});

test('an attribute of a class is a callable like any other', async () => {
  const sells = await start('python!callables:Shop.sell');
  expect(await run(sells, {})).toEqual({ kind: 'completed', data: 'sold' });
  await sells.stop();
});

describe('beside another rbit.py, such as the original', () => {
  let folder: string;
  let beside: Runner | undefined;
  afterEach(async () => {
    await beside?.stop();
    await rm(folder, { recursive: true });
  });

  test('ours is imported', async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbit-test-'));
    await writeFile(join(folder, 'rbit.py'), 'raise ImportError("the original needs Python 2")\n');
    await writeFile(join(folder, 'pdf.py'), 'import rbit\ndef main(b, s):\n    raise rbit.Failed("ours")\n');
    beside = await start('python!pdf:main', { directory: folder });
    expect(await run(beside, {})).toMatchObject({ message: 'ours' });
  });
});

test('the runner that greets does so', async () => {
  const folder = new URL('../../', import.meta.url).pathname;
  const greets = await start('python!runners.hello:hello', {
    directory: folder,
    section: { runner: 'python!runners.hello:hello', greeting: 'Good morning' },
  });
  const context = makeContext();
  expect(await run(greets, { parameters: { name: 'Ada' } }, context)).toEqual({
    kind: 'completed',
    data: { greeting: 'Good morning, Ada!' },
  });
  expect(context.lines).toEqual(['Good morning, Ada!']);
  expect(await run(greets, {})).toEqual({
    kind: 'failed',
    retryable: false,
    message: 'parameters.name must be a name',
  });
  await greets.stop();
});
