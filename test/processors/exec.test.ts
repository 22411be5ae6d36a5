import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { RunnerError } from '../../src/job/runner.ts';
import type { RunnerOptions } from '../../src/processors/options.ts';
import { makeContext, makeJob, makeRunner } from './harness.ts';

async function run(
  command: string,
  body: unknown = {},
  options: Partial<RunnerOptions> = {},
): Promise<{ outcome: Outcome; lines: string[] }> {
  const runner = makeRunner(`exec!${command}`, options);
  await runner.start();
  const context = makeContext(JSON.stringify(body));
  const outcome = await runner.run(makeJob(body), context);
  await runner.stop();
  return { outcome, lines: context.lines };
}

const HOSTILE = [`a b`, `'"; touch /tmp/x #`, '$(id)', '`id`', '-n', '*', '', 'line\nbreak', 'ü%s\\'];

test.each(HOSTILE)('the value %j is one argument, as it is', async (value) => {
  const { lines } = await run(`programs/print-arguments %{v} "x%{v}y" '%{v}'`, { v: value });
  const [count, ...hex] = lines;
  const bytes = Buffer.from(hex.join('').replaceAll(' ', ''), 'hex').toString();
  expect({ count, bytes }).toEqual({ count: '3', bytes: `${value}\0x${value}y\0${value}\0` });
});

test('the body is on stdin, the job in the environment', async () => {
  const { lines } = await run(
    '/bin/sh -c \'cat; echo; echo "$RBIT_JOB_ID $RBIT_SETTING_UNIT"\'',
    { a: 1 },
    { settings: { unit: 'words' } },
  );
  expect(lines).toEqual(['{"a":1}', 'job-1 words']);
});

test('a program without a slash is found in the PATH of the runner, one with a slash from its folder', async () => {
  expect((await run('kinds nothing', {}, { env: { PATH: 'programs:/bin:/usr/bin' } })).outcome.kind).toBe(
    'completed',
  );
  expect((await run('./kinds nothing', {}, { cwd: 'programs' })).outcome.kind).toBe('completed');
  expect((await run('%{settings.bin}/true', {}, { settings: { bin: '/bin' } })).outcome.kind).toBe(
    'completed',
  );
});

test.each([
  ['#!/no/such/interpreter -x\n', '/no/such/interpreter'],
  ['#!/bin/sh\r\necho\r\n', '/bin/sh with a CR behind it (let its lines end in LF alone)'],
])('a script that begins with %j is unavailable for its interpreter', async (text, interpreter) => {
  const folder = await mkdtemp(join(tmpdir(), 'exec-'));
  const file = join(folder, 'script');
  await writeFile(file, text, { mode: 0o755 });
  const { outcome } = await run(file);
  await rm(folder, { recursive: true });
  expect(outcome).toEqual({
    kind: 'unavailable',
    reason: `could not be started: the interpreter in the first line of ${file} is not there: ${interpreter}`,
  });
});

test.each<[string, RegExp]>([
  ['', /no program after exec!/],
  ['no-such-program-x', /there is no program no-such-program-x in PATH/],
  ['./no/such', /\/fixtures\/no\/such: there is no such file/],
  ['./programs', /is not a file/],
  ['./modules/kinds.ts', /is not executable/],
  ['%{parameters.program} x', /stands in the name of the program, which a message would choose/],
  ['./bin/%COMMAND', /stands in the name of the program/],
  ["sh -c 'echo' %{a} | cat", /is for a shell/],
  ['sh -c "echo %{a}"', /the command of sh -c, which would run it as code/],
  ['flock lock -c "echo %{a}"', /the command of flock -c/],
  [`python3 -c "print('%{a}')"`, /the code of python3/],
  ['env %{a}', /the place of the program/],
  ['env sh -c %{a}', /the command of sh -c, which would run it as code/],
  ['echo %{settings.nope}', /the runner has no setting "nope"/],
])('the line exec!%s is refused, with the reason', async (line, reason) => {
  const start = makeRunner(`exec!${line}`).start();
  await expect(start).rejects.toThrow(RunnerError);
  await expect(start).rejects.toThrow(reason);
});

test.each([
  ['%{a.b}', {}, '%{a.b} is missing from the job'],
  ['%{a}', { a: 'x\0y' }, 'NUL'],
  ['%{a}', { a: 'x'.repeat(131_072) }, 'too large for an argument'],
  ['x%{a}', { a: 'x'.repeat(131_071) }, 'too large for an argument'],
])('a job that cannot fill %s fails for good', async (command, body, words) => {
  expect((await run(`echo ${command}`, body)).outcome).toMatchObject({
    kind: 'failed',
    retryable: false,
    message: expect.stringContaining(words) as string,
  });
});

test('the longest argument that Linux takes is passed whole', async () => {
  const { lines } = await run("sh -c 'echo ${#1}' sh %{a}", { a: 'x'.repeat(131_071) });
  expect(lines).toEqual(['131071']);
});
