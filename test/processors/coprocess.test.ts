import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import type { RunnerOptions } from '../../src/processors/options.ts';
import { FIXTURES, makeContext, makeJob, makeRunner } from './harness.ts';

/** Has one job worked by a shell's loop around `script`, which prints what there is to see. */
async function loop(
  script: string,
  options: Partial<RunnerOptions> = {},
): Promise<{ outcome: Outcome; lines: string[] }> {
  const cut = 'run=${line#*\\"run\\":\\"}; run=${run%%\\"*}';
  const answer = 'printf \'{"run":"%s","completed":true}\\n\' "$run"';
  const runner = makeRunner(
    `coprocess!while IFS= read -r line; do ${cut}; { ${script}; } 2>&1; ${answer}; done`,
    options,
  );
  await runner.start();
  const context = makeContext();
  const outcome = await runner.run(makeJob(), context);
  await runner.stop();
  return { outcome, lines: context.lines };
}

test('a loop of a shell is all that it takes', async () => {
  expect(await loop('echo hello')).toEqual({ outcome: { kind: 'completed' }, lines: ['hello'] });
});

test('the command runs in cwd, with what belongs to the runner in its environment, and nothing of a job', async () => {
  process.env['SECRET_OF_THE_DAEMON'] = 'x';
  const { lines } = await loop('pwd; env', {
    cwd: 'programs',
    env: { GREETING: 'hi', LANG: 'xx' },
    settings: { 'output-dir': '/tmp/o p' },
  });
  delete process.env['SECRET_OF_THE_DAEMON'];
  expect(lines[0]).toBe(join(FIXTURES, 'programs'));
  expect(lines).toEqual(
    expect.arrayContaining([
      'GREETING=hi',
      'LANG=xx',
      'RBIT_RUNNER=test-runner',
      'RBIT_SETTING_OUTPUT_DIR=/tmp/o p',
      expect.stringMatching(/^PATH=/) as string,
    ]),
  );
  expect(lines.filter((line) => /^(RBIT_JOB|RBIT_QUEUE|RBIT_ATTEMPT|SECRET)/.test(line))).toEqual([]);
});

test('a setting may stand in the command, whatever is in it', async () => {
  const { lines } = await loop('printf "%%s\\n" %{settings.out} "in %{settings.out}"', {
    settings: { out: '$(echo ouch) "\' ;' },
  });
  expect(lines).toEqual(['$(echo ouch) "\' ;', 'in $(echo ouch) "\' ;']);
});

test('a program that closes its standard output in the middle of a job has crashed, and so has that', async () => {
  const runner = makeRunner('coprocess!sh ./coprocess/closes.sh output');
  await runner.start();
  expect(await runner.run(makeJob(), makeContext())).toMatchObject({
    kind: 'failed',
    message: 'the process closed the stream of its answers',
    retryable: true,
  });
});

test('a program that has closed its standard input gets no job any more: another process works it', async () => {
  const runner = makeRunner('coprocess!sh ./coprocess/closes.sh input', { concurrency: 1 });
  await runner.start();
  const pids = new Set<unknown>();
  for (let job = 0; job < 3; job += 1) {
    const outcome = await runner.run(makeJob(), makeContext());
    expect(outcome).toEqual({ kind: 'completed', data: expect.any(Number) as number });
    pids.add((outcome as { data?: unknown }).data);
  }
  expect(pids.size).toBe(3);
});

test.each<[string, string, RegExp, RegExp, Partial<RunnerOptions>]>([
  ['nothing', ' ', /no command after coprocess!/, /write it/, {}],
  [
    'a part of a job',
    'cat %{parameters.x}',
    /%\{parameters\.x\}: a coprocess is started before there is a job/,
    /request/,
    {},
  ],
  ['the name of a job', 'cat %ID', /%ID: a coprocess is started before there is a job/, /request/, {}],
  [
    'a setting that is not there',
    'cat %{settings.x}',
    /no setting "x"/,
    /add x = … to \[runner:test-runner\]/,
    {},
  ],
  [
    'a setting that is too large',
    'cat %{settings.x}',
    /too large/,
    /^$/,
    { settings: { x: 'x'.repeat(140_000) } },
  ],
  ['what no shell can read', 'while true', /the shell refuses the command/, /sh -n/, {}],
  ['a folder that is not there', 'cat', /cwd .* is not a directory/, /create it/, { cwd: 'nowhere' }],
])('a mistake in the line is told with what to do: %s', async (_name, command, message, fix, options) => {
  const runner = makeRunner(`coprocess!${command}`, options);
  await expect(runner.start()).rejects.toMatchObject({
    name: 'RunnerError',
    message: expect.stringMatching(message) as string,
    ...(fix.source === '^$' ? {} : { fix: expect.stringMatching(fix) as string }),
  });
  expect((await runner.run(makeJob(), makeContext())).kind).toBe('unavailable');
  await runner.stop();
});

test('a runner that was never started can be stopped', async () => {
  await expect(makeRunner('coprocess!cat').stop()).resolves.toBeUndefined();
});
