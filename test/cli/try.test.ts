import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../processors/harness.ts';
import { CLI, makeProject } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, eventsOf, linesOf, type Started, start } from './submit-project.ts';

let project: Awaited<ReturnType<typeof makeProject>>;

beforeAll(async () => {
  project = await makeProject(
    `[rbit]
queue-mappings = jobs.shout:shout exit:exit q:pages sleeper:sleeper retried:retried broken:broken slow:slow
state-dir = state
[amqp]
# Nobody is there, and nobody is asked.
url = amqp://u:hidden-word@127.0.0.1:1
[runner:shout]
runner = shell!echo %{parameters.text} on $RBIT_QUEUE; cat; echo; echo %{settings.key}
required = parameters.text
key = \${env:SHOUT_KEY}
[runner:exit]
runner = shell!echo last words >&2; exit %{parameters.code}
timeout = 20s
blocked-delay = 5m
[runner:slow]
runner = shell!sleep 60
timeout = 500ms
[runner:sleeper]
runner = shell!sleep 300 & echo child $!; wait
[runner:retried]
runner = shell!exit 9
retries = 2
retry-delay = 40s
[runner:pages]
runner = module!./pages.mjs
[runner:broken]
runner = module!./broken.mjs
`,
    {
      'pages.mjs': `export default (job, { output, progress, log }) => {
          progress(50, 'half\\u001b[2J');
          output('\\u001b[31mred\\u001b[2J');
          log.warn('careful');
          return { queue: job.queue, attempt: job.attempt };
        };`,
      'broken.mjs': 'export default (',
    },
  );
});
afterAll(() => project.remove());

function trying(...args: readonly string[]): Started {
  return start(
    process.execPath,
    [CLI, 'try', ...args, '-c', project.ini],
    '{"parameters":{"text":"piped"}}',
    {
      SHOUT_KEY: 'shouted-secret',
    },
  );
}

const tryIt = (...args: readonly string[]): Promise<Ended> => trying(...args).ended;

describe('try', () => {
  it.concurrent('runs one job the way a daemon would, shows what happens and exits 0 when it is completed', async () => {
    const { code, stdout, stderr } = await tryIt('shout', '--set', 'parameters.text=a b');
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(linesOf(stdout)).toStrictEqual([
      'started',
      'output a b on jobs.shout',
      'output {"parameters":{"text":"a b"}}',
      'output ***',
      'completed',
    ]);
    expect(existsSync(join(project.dir, 'state'))).toBe(false);
  });

  it.concurrent('takes the job from a file or from standard input', async () => {
    const { code, stdout } = await tryIt('shout', '--message', '-');
    expect(code).toBe(0);
    expect(linesOf(stdout)).toContain('output piped on jobs.shout');
  });

  it.concurrent('--json says it in lines of JSON; what a module logs goes to standard error', async () => {
    const { code, stdout, stderr } = await tryIt('pages', '--json');
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: 'warn: careful\n' });
    expect(eventsOf(stdout)).toStrictEqual([
      { event: 'started' },
      { event: 'progress', percent: 50, message: 'half\u001b[2J' },
      { event: 'output', line: '\u001b[31mred\u001b[2J' },
      { event: 'completed', data: { queue: 'q', attempt: 1 } },
    ]);
    expect(stdout).not.toContain('\u001b');
  });

  it.concurrent.each([
    ['a job that fails', ['exit', '--set', 'parameters.code=3'], 1, 'failed: exit code 3: last words'],
    ['a job that is too slow', ['slow'], 1, 'failed: timed out after 500ms'],
    ['a job that would be retried', ['retried'], 1, 'retrying: exit code 9 (would run again in 40s)'],
    [
      'a blocked job',
      ['exit', '--set', 'parameters.code=75'],
      75,
      'blocked: last words (would run again in 5m)',
    ],
    [
      'a runner that cannot be started',
      ['exit', '--set', 'parameters.code=127'],
      1,
      'unavailable: exit code 127: last words',
    ],
    ['a job that lacks what is required', ['shout'], 1, 'failed: missing required keys: parameters.text'],
    [
      'a message that is no job',
      ['exit', '--message', 'not-json'],
      1,
      expect.stringMatching(/^failed: the message cannot be decoded: not JSON/),
    ],
  ])('%s is told as such, with its exit status', async (_, args, status, last) => {
    const file = join(project.dir, 'worker.ini');
    const { code, stdout, stderr } = await tryIt(...args.map((arg) => (arg === 'not-json' ? file : arg)));
    expect({ code, stderr }).toStrictEqual({ code: status, stderr: '' });
    expect(linesOf(stdout).at(-1)).toStrictEqual(last);
  });

  it.concurrent('Ctrl-C ends the job and all that it has started, and exits 130', async () => {
    const { child, output, ended } = trying('sleeper');
    const pid = await eventually(() => /output child (\d+)/.exec(output.stdout)?.[1], 'the child');
    expect(await isAlive(Number(pid))).toBe(true);
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    expect(linesOf(stdout).at(-1)).toBe('interrupted: SIGINT');
    expect(await isAlive(Number(pid))).toBe(false);
  });

  it.concurrent('starts only the runner that is tried, and tells its mistakes as check does', async () => {
    const { code, stdout, stderr } = await tryIt('broken');
    expect({ code, stdout }).toStrictEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(/worker\.ini:\d+: \[runner:broken\] runner: .*broken\.mjs/);
    expect(linesOf(stderr)).toHaveLength(1);
  });

  it.concurrent('names the runner that was meant', async () => {
    const { code, stderr } = await tryIt('shuot');
    expect(code).toBe(78);
    expect(stderr).toMatch(/worker\.ini: \[runner:shuot\]: no such section \(did you mean shout\?\)\n$/);
  });
});
