import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

const run = promisify(execFile);

/** Queues have names of their own, since a RabbitMQ is shared by many tests. */
const PREFIX = randomUUID();

const INI = `
[rbit]
queue-mappings =
    ${PREFIX}.words:words
    ${PREFIX}.pages:pages
    ${PREFIX}.again:again
    ${PREFIX}.later:later
    ${PREFIX}.twice:twice
    ${PREFIX}.fails:fails
    ${PREFIX}.strict:strict
    ${PREFIX}.slow:slow
    ${PREFIX}.missing:missing
    ${PREFIX}.bound:words
state-dir = state
shutdown-timeout = 10s
log-format = json

[queue:${PREFIX}.bound]
bind = output

[queue:${PREFIX}.fails]
dead-letter = ${PREFIX}.graves

[runner:words]
runner = shell!echo "job %{parameters.text}"; cat > input.json

[runner:pages]
runner = module!pages.ts
title = Report

[runner:again]
runner = shell!test "$RBIT_ATTEMPT" -gt 1 || exit 3; echo "attempt $RBIT_ATTEMPT"
retries = 2
retry-delay = 100ms

[runner:later]
runner = shell!test -e open || { echo closed; exit 75; }; echo open
blocked-delay = 200ms

[runner:twice]
runner = shell!echo "$RBIT_ATTEMPT" >> twice.txt; exit 75
blocked-delay = 50ms
blocked-limit = 2

[runner:fails]
runner = shell!echo no such package >&2; exit 2
keep-failed = yes

[runner:strict]
runner = shell!true
required = parameters.package

[runner:slow]
runner = shell!sleep 30
timeout = 300ms
kill-grace = 100ms

[runner:missing]
runner = shell!/no/such/program
`;

const PAGES = `
import type { Job, JobContext } from 'rbit-ts';

export default async function pages(job: Job, context: JobContext) {
  for (const page of [1, 2]) {
    context.output('page ' + page);
    context.progress(page * 50, 'page ' + page + ' of 2');
  }
  return { title: context.settings['title'], group: job.group, reply: job.replyTo !== undefined };
}
`;

type Event = Record<string, unknown> & { readonly event: string };

describe.each(['the embedded queue', 'RabbitMQ, by nothing but an [amqp] section'])(
  'the same INI on %s',
  (kind) => {
    let project: Awaited<ReturnType<typeof makeProject>>;
    let daemon: TestDaemon;

    beforeAll(async () => {
      project = await makeProject(INI, { 'pages.ts': PAGES });
      if (kind !== 'the embedded queue')
        await appendFile(project.ini, `\n[amqp]\nurl = ${await amqpUrl()}\nexchange = ${PREFIX}.exchange\n`);
      daemon = new TestDaemon([project.ini], { cwd: project.dir });
      await daemon.consuming(`${PREFIX}.words`, `${PREFIX}.missing`);
    });

    afterAll(async () => {
      expect(await daemon.stop()).toBe(0);
      await project.remove();
    });

    async function rbit(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
      try {
        return { code: 0, ...(await run(process.execPath, [CLI, ...args, '-c', project.ini])) };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, stdout, stderr };
      }
    }

    async function submit(queue: string, body: unknown): Promise<{ code: number; events: Event[] }> {
      const sets = Object.entries(body as object).map(
        ([key, value]) => `--set=${key}=${JSON.stringify(value)}`,
      );
      const { code, stdout } = await rbit(
        'submit',
        `${PREFIX}.${queue}`,
        '--wait',
        '--json',
        '--timeout',
        '20s',
        ...sets,
      );
      const [submitted, ...events] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Event);
      expect(submitted).toMatchObject({ event: 'submitted', queue: `${PREFIX}.${queue}` });
      return { code, events };
    }

    test('a command runs with the message, and its output is seen', async () => {
      const { code, events } = await submit('words', { parameters: { text: "it's; $(here)" }, extra: 'é' });
      expect(events).toEqual([
        { event: 'started' },
        { event: 'output', line: "job it's; $(here)" },
        { event: 'completed' },
      ]);
      expect(code).toBe(0);
      expect(JSON.parse(await readFile(join(project.dir, 'input.json'), 'utf8'))).toEqual({
        parameters: { text: "it's; $(here)" },
        extra: 'é',
      });
    });

    test('a module runs with its settings; its progress and data are seen', async () => {
      const { events } = await submit('pages', { group: 'books' });
      expect(events.filter(({ event }) => event !== 'progress')).toEqual([
        { event: 'started' },
        { event: 'output', line: 'page 1' },
        { event: 'output', line: 'page 2' },
        { event: 'completed', data: { title: 'Report', group: 'books', reply: true } },
      ]);
      expect(events.filter(({ event }) => event === 'progress')).toEqual([
        { event: 'progress', percent: 50, message: 'page 1 of 2' },
        { event: 'progress', percent: 100, message: 'page 2 of 2' },
      ]);
    });

    test('a failure that nobody declared is retried, and started is said once', async () => {
      const { code, events } = await submit('again', {});
      expect(events).toEqual([
        { event: 'started' },
        { event: 'output', line: 'attempt 2' },
        { event: 'completed' },
      ]);
      expect(code).toBe(0);
    });

    test('a blocked job says nothing until it may run', async () => {
      const submitted = submit('later', {});
      await daemon.logged(/later blocked.*put back for 200ms/);
      await run('touch', [join(project.dir, 'open')]);
      const { events } = await submitted;
      expect(events.filter(({ line }) => line !== 'closed')).toEqual([
        { event: 'started' },
        { event: 'output', line: 'open' },
        { event: 'completed' },
      ]);
    });

    test('a job that is blocked too often fails', async () => {
      const { code, events } = await submit('twice', {});
      expect(events.at(-1)).toMatchObject({ event: 'failed' });
      expect(code).toBe(1);
      expect(await readFile(join(project.dir, 'twice.txt'), 'utf8')).toBe('1\n2\n');
    });

    test('a failed job is kept where the INI says, and can be put back from there', async () => {
      const { code, events } = await submit('fails', {});
      expect(events).toMatchObject([{ event: 'started' }, { event: 'output' }, { event: 'failed' }]);
      expect(events.at(-1)?.['message']).toMatch(/no such package/);
      expect(code).toBe(1);
      const list = async (): Promise<unknown[]> => {
        const { stdout } = await rbit('dead', 'list', `${PREFIX}.fails`, '--json');
        return stdout.split('\n').filter((line) => line.startsWith('{'));
      };
      await eventually(async () => (await list()).length === 1, 'the dead letter', 20_000);
      const before = daemon.log.filter(({ msg }) => /fails failed/.test(msg)).length;
      expect((await rbit('dead', 'retry', `${PREFIX}.fails`, '--all')).code).toBe(0);
      await eventually(
        () => daemon.log.filter(({ msg }) => /fails failed/.test(msg)).length > before,
        'its next end',
      );
      await eventually(async () => (await list()).length === 1, 'its return', 20_000);
    });

    test('a job without what its runner requires fails before it starts', async () => {
      const { events } = await submit('strict', {});
      expect(events).toEqual([{ event: 'failed', message: 'missing required keys: parameters.package' }]);
    });

    test('a job that takes too long is ended', async () => {
      const { events } = await submit('slow', {});
      expect(events).toEqual([{ event: 'started' }, { event: 'failed', message: 'timed out after 300ms' }]);
    });

    test('what is no job is answered and dead-lettered', async () => {
      await run('sh', ['-c', 'printf "no JSON" > "$0"', join(project.dir, 'bad.txt')]);
      const bad = join(project.dir, 'bad.txt');
      const { code, stdout } = await rbit('submit', `${PREFIX}.strict`, '--wait', '--json', '--message', bad);
      expect(code).toBe(1);
      expect(stdout).toMatch(/"event":"failed","message":"the message cannot be decoded: not JSON/);
      const shown = await rbit('dead', 'show', `${PREFIX}.strict`);
      expect(shown.stdout).toContain('no JSON');
    });

    test('a runner that cannot be started pauses its queue, keeps the message, and stops no other queue', async () => {
      expect((await rbit('submit', `${PREFIX}.missing`)).code).toBe(0);
      await daemon.logged(/queue .*missing paused: runner missing cannot be started/);
      const { events } = await submit('words', { parameters: { text: 'still here' } });
      expect(events.at(-1)).toEqual({ event: 'completed' });
    });

    test('a queue that is bound gets what goes to the exchange', async () => {
      await submit('words', { parameters: { text: 'told' } });
      // The line that the first job printed arrives as a message of its own, which has no parameters.text.
      await daemon.logged(/bound failed/);
    });
  },
);
