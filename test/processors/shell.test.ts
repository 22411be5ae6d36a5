import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import type { Outcome } from '../../src/job/outcome.ts';
import { RunnerError } from '../../src/job/runner.ts';
import type { RunnerOptions } from '../../src/processors/options.ts';
import { eventually } from '../support/eventually.ts';
import { makeContext, makeJob, makeRunner } from './harness.ts';

async function run(
  command: string,
  job: Job = makeJob(),
  options: Partial<RunnerOptions> = {},
): Promise<{ outcome: Outcome; lines: string[] }> {
  const runner = makeRunner(`shell!${command}`, options);
  await runner.start();
  const context = makeContext(JSON.stringify(job.body));
  const outcome = await runner.run(job, context);
  await runner.stop();
  return { outcome, lines: context.lines };
}

test.each<[string, Partial<Outcome> & { message?: string }]>([
  ['exit 0', { kind: 'completed' }],
  ['exit 3', { kind: 'failed', retryable: true, message: 'exit code 3' }],
  ['echo one >&2; echo two >&2; exit 3', { kind: 'failed', message: 'exit code 3: one\ntwo' }],
  ['kill -SEGV $$', { kind: 'failed', retryable: true, message: 'killed by SIGSEGV' }],
  ['exit 139', { kind: 'failed', message: 'exit code 139 (SIGSEGV)' }],
  ['echo not yet; exit 75', { kind: 'blocked', reason: 'not yet' }],
  ['no-such-program', { kind: 'unavailable', reason: expect.stringContaining('not found') as string }],
])('%s', async (command, outcome) => {
  expect((await run(command)).outcome).toMatchObject(outcome);
});

test('the body is on stdin, byte for byte', async () => {
  const { lines } = await run('cat', makeJob({ a: 'ü\n' }));
  expect(lines).toEqual(['{"a":"ü\\n"}']);
});

test('placeholders stand for the parts of the job, and text that only looks like one stays', async () => {
  const body = { parameters: { command: 'deploy', list: ['a', { b: 7 }] }, yes: true, no: null };
  const { lines } = await run(
    'f=x.tar.gz; for a in %ID %QUEUE %RUNNER %COMMAND %{parameters.list.1.b} %{parameters.list.1} %{yes} %{no} %{settings.out-dir} ' +
      '%%ID %IDX %ID_1 "${f%%.*}" "${f%.gz}" "$(printf %s %%d)"; do echo "$a"; done',
    makeJob(body),
    { settings: { 'out-dir': '/tmp/o p' } },
  );
  expect(lines).toEqual(
    [
      'job-1',
      'jobs',
      'test-runner',
      'deploy',
      '7',
      '{"b":7}',
      'true',
      'null',
      '/tmp/o p',
      '%ID',
      '%IDX',
      'job-1_1',
    ].concat(['x', 'x.tar', '%d']),
  );
});

test.each([
  ['%{a.b}', { a: {} }, '%{a.b} is missing from the job'],
  ['%SUBCOMMAND', {}, '%SUBCOMMAND is missing from the job'],
  ['%{a.length}', { a: [1] }, '%{a.length} is missing from the job'],
  ['%{constructor}', {}, '%{constructor} is missing from the job'],
  ['%{a}', { a: 'x\0y' }, 'NUL'],
  ['%{a}', { a: '\ud800' }, 'not valid Unicode'],
  ['%{a}', { a: 'x'.repeat(131_072 - 'RBIT_P1='.length) }, 'read it from stdin'],
])('a job that cannot fill %s fails for good', async (command, body, words) => {
  const { outcome, lines } = await run(`echo ran; echo ${command}`, makeJob(body));
  expect(outcome).toMatchObject({
    kind: 'failed',
    retryable: false,
    message: expect.stringContaining(words) as string,
  });
  expect(lines).toEqual([]);
});

test('the largest value that fits is passed whole', async () => {
  const a = 'x'.repeat(131_071 - 'RBIT_P1='.length);
  const { lines } = await run('v=%{a}; echo ${#v}', makeJob({ a }));
  expect(lines).toEqual([String(a.length)]);
});

test('an environment too large as a whole fails the job for good', async () => {
  const body = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x'.repeat(130_000)]));
  const command = Object.keys(body)
    .map((key) => `: %{${key}};`)
    .join(' ');
  const { outcome } = await run(command, makeJob(body));
  expect(outcome).toMatchObject({
    kind: 'failed',
    retryable: false,
    message: expect.stringContaining('stdin') as string,
  });
});

test('the environment is the base, env.*, the facts of the job, and nothing else of the daemon', async () => {
  process.env['FAKE_SECRET'] = 'hunter2';
  const job = makeJob(
    { parameters: { command: 'deploy', subcommand: 'Web', hosts: ['a', 'b'] } },
    {
      group: 'web',
      attempt: 2,
      redelivered: true,
      correlationId: 'c',
      replyTo: 'r\0',
      headers: { traceparent: '00-1-2-01' },
    },
  );
  const { lines } = await run('env', job, { env: { EXTRA: 'yes' }, settings: { 'out-dir.x': '/o' } });
  delete process.env['FAKE_SECRET'];
  const found = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  expect(found).toMatchObject({
    PATH: process.env['PATH'],
    EXTRA: 'yes',
    RBIT_JOB_ID: 'job-1',
    RBIT_QUEUE: 'jobs',
    RBIT_RUNNER: 'test-runner',
    RBIT_ATTEMPT: '2',
    RBIT_REDELIVERED: '1',
    RBIT_CORRELATION_ID: 'c',
    RBIT_GROUP: 'web',
    RBIT_COMMAND: 'deploy',
    RBIT_SUBCOMMAND: 'Web',
    RBIT_HOSTS: 'a b',
    RBIT_SETTING_OUT_DIR_X: '/o',
    TRACEPARENT: '00-1-2-01',
  });
  const allowed =
    /^(RBIT_\w+|TRACEPARENT|EXTRA|PATH|HOME|LANG|LC_\w+|TZ|USER|LOGNAME|SHELL|TMPDIR|PWD|SHLVL|_|OLDPWD)$/;
  expect(Object.keys(found).filter((name) => !allowed.test(name))).toEqual([]);
  expect(found).not.toHaveProperty('RBIT_MESSAGE_ID');
  expect(found).not.toHaveProperty('RBIT_REPLY_TO');
});

test('a working directory that goes away makes the runner unavailable, and is named', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'cwd-'));
  const runner = makeRunner('shell!pwd', { cwd });
  await runner.start();
  await rm(cwd, { recursive: true });
  const reason = `could not be started: cwd ${cwd} is not there`;
  expect(await runner.run(makeJob(), makeContext())).toEqual({ kind: 'unavailable', reason });
});

test.each<[string, Partial<RunnerOptions>, string]>([
  ['', {}, 'no command'],
  ['if true', {}, 'Syntax error'],
  ['echo "open', {}, 'refuses the command'],
  ['echo %{}', {}, '%{} is not a placeholder'],
  ['echo %{a', {}, 'is not a placeholder'],
  ['echo %{a..b}', {}, 'is not a placeholder'],
  ['echo %{settings.nope}', {}, 'no setting "nope"'],
  ['true', { cwd: 'no/such/place' }, 'is not a directory'],
])('%j is refused at the start', async (command, options, words) => {
  const refusal = await makeRunner(`shell!${command}`, options)
    .start()
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(refusal).toBeInstanceOf(RunnerError);
  expect((refusal as RunnerError).message.toLowerCase()).toContain(words.toLowerCase());
});

test('a script may open its standard streams by name, however often', async () => {
  const { outcome, lines } = await run(
    'cat /dev/stdin; echo; cat /dev/stdin > /dev/null; echo out > /dev/stdout; echo error > /dev/stderr; echo both | tee /dev/stderr',
    makeJob({ a: 1 }),
  );
  expect(outcome).toStrictEqual({ kind: 'completed' });
  expect(lines.toSorted()).toStrictEqual(['both', 'both', 'error', 'out', '{"a":1}'].toSorted());
});

test('a hundred jobs at once, more than there are pipes in stock, each have their own', async () => {
  const runner = makeRunner('shell!cat; echo %{n}; echo %{n} >&2', { concurrency: 100 });
  await runner.start();
  const said = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const context = makeContext(`body ${n}\n`);
      expect(await runner.run(makeJob({ n }), context)).toStrictEqual({ kind: 'completed' });
      return context.lines.toSorted();
    }),
  );
  await runner.stop();
  expect(said).toStrictEqual(said.map((_, n) => [`${n}`, `${n}`, `body ${n}`]));
});

test('no file is left of a runner that has stopped, and no descriptor of jobs that have ended', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'rbit-pipes-'));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = parent;
  const runner = makeRunner('shell!true');
  await runner.start();
  process.env['TMPDIR'] = before ?? '';
  if (before === undefined) delete process.env['TMPDIR'];
  const runOnce = (): Promise<Outcome> => runner.run(makeJob(), makeContext(''));
  await runOnce();
  const descriptors = (await readdir('/proc/self/fd')).length;
  for (let n = 0; n < 60; n += 1) await runOnce();
  await eventually(async () => (await readdir('/proc/self/fd')).length <= descriptors, 'closed descriptors');
  await runner.stop();
  expect(await readdir(parent)).toStrictEqual([]);
  await rm(parent, { recursive: true });
});

test('a folder for temporary files that is not there is said at the start, with the remedy', async () => {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = '/nonexistent/tmp';
  const starting = makeRunner('shell!true').start();
  await expect(starting).rejects.toThrow(/cannot make temporary files in \/nonexistent\/tmp .*TMPDIR/);
  await expect(starting).rejects.toBeInstanceOf(RunnerError);
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
});
