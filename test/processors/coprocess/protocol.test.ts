import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import { eventually } from '../../support/eventually.ts';
import { makeContext, makeJob } from '../make-runner.ts';
import { DONE, makePool, pidOf, speak, startPool, type Step } from './make-coprocess.ts';

const completed: Outcome = { kind: 'completed' };

test.each<[string, Step[], object]>([
  ['completed', [DONE], completed],
  ['completed with data', ['{"run":"$RUN","completed":true,"data":[1,null]}'], { data: [1, null] }],
  [
    'data said before',
    ['{"run":"$RUN","data":1}', '{"run":"$RUN","data":{"a":2}}', DONE],
    { data: { a: 2 } },
  ],
  ['data that is nothing', ['{"run":"$RUN","completed":true,"data":null}'], { ...completed, data: null }],
  [
    'failed',
    ['{"run":"$RUN","failed":"no such package","data":{"a":1}}'],
    { kind: 'failed', message: 'no such package', data: { a: 1 }, retryable: false },
  ],
  [
    'blocked, with a delay',
    ['{"run":"$RUN","blocked":"10m","reason":"waiting for DB"}'],
    { kind: 'blocked', reason: 'waiting for DB', delayMs: 600_000 },
  ],
  ['blocked', ['{"run":"$RUN","blocked":true,"reason":"later"}'], { kind: 'blocked', reason: 'later' }],
  [
    'crashed',
    ['{"run":"$RUN","crashed":"ValueError: boom","detail":"Traceback"}'],
    { kind: 'failed', message: 'ValueError: boom', detail: 'Traceback', retryable: true },
  ],
  [
    'unavailable',
    ['{"run":"$RUN","unavailable":"no licence"}'],
    { kind: 'unavailable', reason: 'no licence' },
  ],
  [
    'all keys always',
    ['{"run":"$RUN","failed":null,"blocked":false,"crashed":null,"completed":true}'],
    completed,
  ],
  [
    'all keys always, with the empty values of Go',
    ['{"run":"$RUN","failed":"","blocked":0,"reason":"","crashed":"","unavailable":"","completed":true}'],
    completed,
  ],
  [
    'failed without words',
    ['{"run":"$RUN","failed":"","data":{"a":1}}'],
    { kind: 'failed', message: 'the runner reported it failed', data: { a: 1 }, retryable: false },
  ],
  [
    'failed as null, since there was no text',
    ['{"run":"$RUN","failed":null}'],
    { kind: 'failed', message: 'the runner reported it failed' },
  ],
  [
    'blocked for 0, with a reason',
    ['{"run":"$RUN","failed":"","blocked":0,"reason":"waiting for DB"}'],
    { kind: 'blocked', reason: 'waiting for DB' },
  ],
  [
    'blocked for NaN, which JSON does not have',
    ['{"run":"$RUN","blocked":null}'],
    { kind: 'blocked', reason: 'the runner reported it blocked' },
  ],
  [
    'crashed without words',
    ['{"run":"$RUN","crashed":"","detail":"Traceback"}'],
    { kind: 'failed', message: 'the process reported a crash', detail: 'Traceback', retryable: true },
  ],
  [
    'unavailable without words',
    ['{"run":"$RUN","unavailable":""}'],
    { kind: 'unavailable', reason: 'the process said that it cannot work' },
  ],
  [
    'all keys always, on the way',
    ['{"run":"$RUN","progress":1,"failed":""}', '{"run":"$RUN","failed":"","completed":false}', DONE],
    completed,
  ],
  [
    'a clear no',
    ['{"run":"$RUN","failed":false}', '{"run":"$RUN","blocked":false,"reason":"x"}', DONE],
    completed,
  ],
  [
    'completed, whatever reason stands there',
    ['{"run":"$RUN","completed":true,"blocked":"","reason":"x"}'],
    completed,
  ],
  [
    'a failure and a success at once',
    ['{"run":"$RUN","completed":true,"failed":"after all"}'],
    { kind: 'failed', message: 'after all' },
  ],
  ['data before a crash', ['{"run":"$RUN","data":1}', '{"run":"$RUN","crashed":"x"}'], { message: 'x' }],
])('an answer that ends the run: %s', async (_name, steps, outcome) => {
  const { pool } = await startPool();
  expect(await speak(pool, steps)).toMatchObject(outcome);
});

test('an end with nothing in it is logged', async () => {
  const { pool, log } = await startPool();
  await speak(pool, ['{"run":"$RUN","blocked":0}']);
  expect(log.map(({ fields }) => fields?.['problem'])).toEqual([
    'blocked has nothing in it, and ends the job all the same',
  ]);
});

test('a job that is completed without data has none', async () => {
  const { pool } = await startPool();
  expect(await speak(pool, [DONE])).toEqual(completed);
});

test('progress and output are handed on while the job runs', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  const run = speak(
    pool,
    [
      '{"run":"$RUN","progress":40,"message":"page 4 of 10","output":"one\\ntwo"}',
      '{"run":"$RUN","progress":140}',
      { forever: true },
    ],
    context,
  );
  await eventually(() => context.steps.length === 2, 'both reports of progress');
  expect(context.steps).toEqual([
    [40, 'page 4 of 10'],
    [100, undefined],
  ]);
  expect(context.lines).toEqual(['one', 'two']);
  context.abort();
  await run;
});

test('a line for the log goes there, with the job it is about, its fields apart', async () => {
  const { pool, log } = await startPool();
  await speak(pool, ['{"run":"$RUN","log":{"level":"warn","message":"hm","fields":{"job":"other"}}}', DONE]);
  expect(log).toEqual([{ level: 'warn', message: 'hm', fields: { job: 'job-1', fields: { job: 'other' } } }]);
});

test.each([
  ['plain text', 'hello'],
  ['an empty line', ''],
  ['another run', '{"run":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","completed":true}'],
  ['no run', '{"completed":true}'],
  ['a run that is no text', '{"run":7,"completed":true}'],
  ['a list', '[{"run":"$RUN","completed":true}]'],
  ['an answer within an answer', '{"answer":{"run":"$RUN","completed":true}}'],
  ['text before an answer', 'x {"run":"$RUN","completed":true}'],
  ['text after an answer', '{"run":"$RUN","completed":true} x'],
  ['half an answer', '{"run":"$RUN","completed":tr'],
  ['an announcement', '{"ready":true}'],
  ['one nested too deep', `{"run":"$RUN","completed":true,"data":${'['.repeat(1001)}${']'.repeat(1001)}}`],
])('what is no answer is output: %s', async (_name, line) => {
  const { pool } = await startPool();
  const context = makeContext();
  expect(await speak(pool, [line, DONE], context)).toEqual(completed);
  expect(context.lines).toEqual([expect.not.stringContaining('$RUN')]);
});

test('what is printed between two jobs is logged', async () => {
  const { pool, log } = await startPool();
  await speak(pool, [DONE, { wait: 50 }, { out: 'between\n' }]);
  await eventually(() => log.some(({ message }) => message === 'between'), 'the line in the log');
});

test('what was printed before the answer belongs to the job, also an unfinished line on stderr', async () => {
  const { pool } = await startPool();
  for (let n = 0; n < 20; n++) {
    const context = makeContext();
    await speak(pool, [{ err: `one ${n}\nlast ${n}` }, DONE], context);
    expect(context.lines).toEqual([`one ${n}`, `last ${n}`]);
  }
});

test('what was printed before the answer belongs to the job, even where the answer is read first', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  const output = (line: string): string => {
    context.lines.push(line);
    // While nobody reads, both pipes fill; that of the answers was the first to do so.
    if (line === 'wait') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    return line;
  };
  const steps = ['wait', 'more', { err: 'last' }, DONE];
  await pool.run(makeJob({ parameters: { steps } }), { ...context, output });
  expect(context.lines).toEqual(['wait', 'more', 'last']);
});

test('of what is printed between two jobs a hundred lines are logged, and then that the rest is not', async () => {
  const { pool, log } = await startPool();
  for (let n = 1; n <= 2; n++) {
    await speak(pool, [DONE, { wait: 50 }, { repeat: { text: 'flood\n', times: 150 } }, { err: 'end\n' }]);
    await eventually(() => log.filter(({ level }) => level === 'warn').length === n, 'the end of the flood');
    expect(log.filter(({ message }) => message === 'flood')).toHaveLength(100 * n);
  }
  expect(log.at(-1)?.message).toBe(
    'the runner printed more than 100 lines without a job: the rest is left out',
  );
});

test('what explains a crash is told as the job may tell it, without its secrets', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  const output = (line: string): string => line.replace('secret', '***');
  const job = makeJob({ parameters: { steps: [{ err: 'a secret\n' }, { exit: 1 }] } });
  expect(await pool.run(job, { ...context, output })).toMatchObject({
    message: 'the process ended: exit code 1: a ***',
  });
});

test('of one answer 10,000 lines of output are shown', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  for (const lines of [10_000, 200_000]) {
    await speak(pool, [`{"run":"$RUN","output":"${'x\\n'.repeat(lines - 1)}x"}`, DONE], context);
  }
  expect(context.lines).toHaveLength(20_001);
  expect(context.lines.at(-1)).toBe('… [cut: more than 10,000 lines in one answer]');
  expect(new Set(context.lines.slice(0, -1))).toEqual(new Set(['x']));
});

test('what is said of an earlier job is dropped, whatever it is', async () => {
  const { pool, log } = await startPool();
  expect(await speak(pool, [DONE])).toEqual(completed);
  const context = makeContext();
  const outcome = await speak(
    pool,
    [
      '{"run":"$EARLIER","failed":"no"}',
      '{"run":"$EARLIER","output":"no"}',
      '{"run":"$RUN","completed":true,"data":2}',
    ],
    context,
  );
  expect(outcome).toEqual({ kind: 'completed', data: 2 });
  expect(context.lines).toEqual([]);
  expect(log.filter(({ level }) => level === 'debug')).toHaveLength(2);
});

test('what is logged of an earlier job is logged', async () => {
  const { pool, log } = await startPool();
  await speak(pool, [DONE]);
  await speak(pool, ['{"run":"$EARLIER","log":{"level":"error","message":"too late"}}', DONE]);
  expect(log).toEqual([{ level: 'error', message: 'too late', fields: {} }]);
});

test('an answer after the answer is dropped', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  const both = '{"run":"$RUN","completed":true,"data":1}\n{"run":"$RUN","failed":"no"}\n';
  expect(await speak(pool, [{ raw: both }], context)).toEqual({ kind: 'completed', data: 1 });
  expect(context.lines).toEqual([]);
});

test('an answer in which something is wrong is taken as far as it is right, with one warning a job', async () => {
  const { pool, log } = await startPool();
  const wrong = '{"run":"$RUN","progress":"half","output":7,"completed":"yes","log":"x"}';
  expect(await speak(pool, [wrong, wrong, '{"run":"$RUN"}', DONE])).toEqual(completed);
  expect(log).toEqual([
    {
      level: 'warn',
      message: 'part of what the runner said of this job is not understood',
      fields: { job: 'job-1', problem: 'output is not a text' },
    },
  ]);
});

test('data of 16 MiB comes through', async () => {
  const { pool } = await startPool();
  const steps = [
    { raw: '{"run":"$RUN","data":"' },
    { repeat: { text: 'x'.repeat(65_536), times: 255 } },
    { raw: '"}\n' },
  ];
  expect(await speak(pool, [...steps, DONE])).toEqual({ kind: 'completed', data: 'x'.repeat(65_536 * 255) });
});

test('an answer of more than 16 MiB fails the job, and another process works the next one', async () => {
  const { pool } = await startPool();
  const steps = [
    { raw: '{"run":"$RUN","data":"' },
    { repeat: { text: 'x'.repeat(65_536), times: 260 } },
    DONE,
  ];
  expect(await speak(pool, steps)).toEqual({
    kind: 'failed',
    message: 'its answer is too large: more than 16 MiB',
    retryable: false,
  });
  expect(await speak(pool, [DONE])).toEqual(completed);
});

test('an answer after blanks may be as large as any', async () => {
  const { pool } = await startPool();
  const steps = [
    { raw: ' \t{"run":"$RUN","data":"' },
    { repeat: { text: 'x'.repeat(65_536), times: 3 } },
    { raw: '"}\n' },
  ];
  expect(await speak(pool, [...steps, DONE])).toEqual({ kind: 'completed', data: 'x'.repeat(65_536 * 3) });
});

test('garbage without end is bounded: output is cut, what begins like an answer is a crash', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  const flood = { repeat: { text: 'x'.repeat(65_536), times: 300 } };
  expect(await speak(pool, [flood, { raw: '\n' }, DONE], context)).toEqual(completed);
  expect(context.lines).toEqual([expect.stringMatching(/^x{65536} … \[cut.*\]$/)]);
  expect(await speak(pool, [{ raw: '{' }, flood, { forever: true }])).toMatchObject({
    kind: 'failed',
    retryable: true,
    message: 'the process wrote a line of more than 16 MiB',
  });
});

test('a long line of JSON that is no answer is output, cut as any other', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  await speak(pool, [`{"a":"${'ü'.repeat(70_000)}"}`, DONE], context);
  expect(context.lines).toEqual([expect.stringMatching(/^\{"a":"ü+ … \[cut.*\]$/)]);
  expect(Buffer.byteLength(context.lines[0] ?? '')).toBeLessThan(65_600);
});

test('where the channel is apart, everything on the standard outputs is output, and standard input is empty', async () => {
  const { pool } = await startPool({ channel: 'apart' });
  const context = makeContext();
  const outcome = await speak(
    pool,
    [{ out: `{"run":"x","failed":"no"}\n` }, { err: 'two' }, '{"run":"$RUN","data":3}', DONE],
    context,
  );
  expect(outcome).toEqual({ kind: 'completed', data: 3 });
  expect(context.lines.toSorted()).toEqual(['two', '{"run":"x","failed":"no"}']);
});

test('a process that announces itself is waited for, and its announcement is no output', async () => {
  const { pool, log } = await startPool({ announces: true, env: { FIRST: 'loading\n{"ready":true}' } });
  expect(await speak(pool, [DONE])).toEqual(completed);
  expect(log.map(({ message }) => message)).toEqual(['loading']);
});

test('a process that says that it cannot work is a mistake of the runner', async () => {
  const { pool } = makePool({ announces: true, env: { FIRST: '{"unavailable":"no module named foo"}' } });
  await expect(pool.start()).rejects.toThrow('no module named foo');
});

test('the request is one line with the facts, the settings, and the body as it was written', async () => {
  const { pool } = await startPool({ settings: { 'output-dir': '/tmp/o "p"' } });
  const context = makeContext(
    '\ufeff{"parameters":\r\n{"steps":[{"tell":"job"},{"tell":"settings"},"{\\"run\\":\\"$RUN\\",\\"completed\\":true}"]}}\n',
  );
  const job = makeJob(
    {},
    { correlationId: 'c', replyTo: 'r', group: 'g', headers: { 'x-a': 'ü\n' }, attempt: 3 },
  );
  expect(await pool.run(job, context)).toEqual(completed);
  const [facts = '', settings = ''] = context.lines;
  expect(JSON.parse(facts)).toEqual({
    id: 'job-1',
    queue: 'jobs',
    runner: 'test-runner',
    group: 'g',
    attempt: 3,
    redelivered: false,
    correlationId: 'c',
    replyTo: 'r',
    headers: { 'x-a': 'ü\n' },
    body: { parameters: { steps: [{ tell: 'job' }, { tell: 'settings' }, DONE] } },
  });
  expect(JSON.parse(settings)).toEqual({ 'output-dir': '/tmp/o "p"' });
});

test('one process works one job after the other', async () => {
  const { pool } = await startPool();
  const first = await pidOf(pool);
  expect(await pidOf(pool)).toBe(first);
});
