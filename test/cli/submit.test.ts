import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { CLEAR, type Ended, eventsOf, linesOf, MODULES, start, useSubmitProject } from './submit-project.ts';

describe.each(['RabbitMQ', 'the embedded broker'] as const)('submit on %s', (broker) => {
  const use = useSubmitProject(broker);

  it.concurrent('--wait tells what happens to the job, one line an event, and exits 0 when it is completed', async () => {
    const { code, stdout, stderr } = await use.submit(
      'pages',
      '--wait',
      '--set',
      'parameters.name=Ada',
      '--id',
      'job 1',
    );
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(linesOf(stdout)).toStrictEqual([
      `submitted job 1 to ${use.queue('pages')}`,
      'started',
      expect.any(String),
      expect.any(String),
      expect.any(String),
      expect.any(String),
      'completed {"pages":2,"name":"Ada"}',
    ]);
    const output = linesOf(stdout).filter((line) => line.startsWith('output '));
    const progress = linesOf(stdout).filter((line) => line.startsWith('progress '));
    expect(output).toStrictEqual(['output page 1 of Ada', 'output page 2 of Ada']);
    expect(progress).toStrictEqual(['progress 50% page 1', 'progress 100% page 2']);
  });

  it.concurrent('a failed job exits 1; --json says the same in lines of JSON', async () => {
    const { code, stdout, stderr } = await use.submit(
      'odd',
      '--wait',
      '--set',
      'parameters.fail=true',
      '--json',
    );
    expect({ code, stderr }).toStrictEqual({ code: 1, stderr: '' });
    expect(eventsOf(stdout)).toStrictEqual([
      { event: 'submitted', id: expect.stringMatching(/^[\da-f-]{36}$/), queue: use.queue('odd') },
      { event: 'started' },
      { event: 'failed', message: 'no such package', data: { tried: 2 } },
    ]);
  });

  it.concurrent('without a final reply within --timeout it exits 75, and the job goes on', async () => {
    const id = randomUUID();
    const { code, stdout, stderr } = await use.submit(
      'pages',
      '-w',
      '--timeout',
      '2s',
      '--set',
      'parameters.ms=1500',
      '--id',
      id,
    );
    expect({ code, stderr }).toStrictEqual({
      code: 75,
      stderr: `error: no final reply within 2s; job ${id} goes on without us\n`,
    });
    expect(stdout).not.toContain('completed');
    await use.daemon().logged(new RegExp(`^job ${id} of .* completed`));
  });

  it.concurrent('without --wait it prints the id alone', async () => {
    const { code, stdout, stderr } = await use.submit('odd');
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\da-f-]{36}\n$/);
    await use.daemon().logged(new RegExp(`^job ${stdout.trim()} of .* completed`));
  });

  it.concurrent('a job can be submitted before the daemon of its queue ever ran', async () => {
    const more = use.more();
    const { code, stdout } = await use.submit('late', '-c', more, '--id', 'early', '--json');
    expect(code).toBe(0);
    expect(eventsOf(stdout)).toStrictEqual([{ event: 'submitted', id: 'early', queue: use.queue('late') }]);
    const late = new TestDaemon([use.ini(), more]);
    await late.logged(/^job early of late\..* completed/, 20_000);
    await late.stop();
  });

  it.concurrent('--timeout is over before there is a job on the queue: 75, since nothing is wrong with the broker', async () => {
    for (const count of [[], ['--count', '3']]) {
      const { code, stderr } = await use.submit('odd', '--wait', '--timeout', '1ms', ...count);
      expect(code).toBe(75);
      expect(stderr).toMatch(/^error: .* within 1ms: try a longer --timeout\n|may or may not be on queue/);
    }
  });

  it.concurrent('a queue that is not there is one line with the nearest name, and 1', async () => {
    for (const count of [[], ['--count', '2000']]) {
      const args = [CLI, 'submit', use.queue('page'), '-c', use.ini(), ...count];
      expect(await start(process.execPath, args).ended).toStrictEqual({
        code: 1,
        stdout: '',
        stderr: `error: no queue ${use.queue('page')}; did you mean ${use.queue('pages')}?\n`,
      });
    }
  });

  it.concurrent('shows nothing of other jobs that run at the same time', async () => {
    const both = await Promise.all(
      ['Ada', 'Bob'].map((name) =>
        use.submit('pages', '--wait', '--set', `parameters.name=${name}`, '--set', 'parameters.ms=200'),
      ),
    );
    expect(
      both.map(({ stdout }) => linesOf(stdout).filter((line) => line.startsWith('output'))),
    ).toStrictEqual([
      ['output page 1 of Ada', 'output page 2 of Ada'],
      ['output page 1 of Bob', 'output page 2 of Bob'],
    ]);
  });

  it.concurrent('Ctrl-C ends it with 130 and a line that the job goes on, as it does', async () => {
    const id = randomUUID();
    const running = use.submitting('pages', '--wait', '--set', 'parameters.ms=700', '--id', id);
    await eventually(() => running.output.stdout.includes('\nstarted\n'), 'the start');
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toStrictEqual({
      code: 130,
      stderr: `interrupted: job ${id} goes on without us\n`,
    });
    expect(stdout).not.toContain('completed');
    await use.daemon().logged(new RegExp(`^job ${id} of .* completed`));
  });

  it.concurrent('--count sends so many, and sums up', async () => {
    const { code, stdout, stderr } = await use.submit('odd', '--count', '300');
    expect({ code, stdout }).toStrictEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^300 jobs queued in \d+(?:\.\d+)? s\n$/);
  });

  it.concurrent('--count --wait sums up what became of them', async () => {
    const { code, stdout, stderr } = await use.submit('odd', '--count', '300', '--wait');
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^completed 300\nfailed 0\nunanswered 0\nseconds [\d.]+\njobs\/s [\d.]+\np50-ms [\d.]+\np95-ms [\d.]+\n$/,
    );
  });

  it.concurrent('--count --wait --json has an event for each end, and exits 1 when one failed', async () => {
    const { code, stdout } = await use.submit(
      'odd',
      '--count',
      '3',
      '--wait',
      '--json',
      '--set',
      'parameters.fail=1',
    );
    expect(code).toBe(1);
    const events = eventsOf(stdout);
    expect(events.at(-1)).toMatchObject({ event: 'summary', completed: 0, failed: 3, unanswered: 0 });
    expect(events.slice(0, -1)).toHaveLength(3);
    for (const event of events.slice(0, -1))
      expect(event).toMatchObject({
        event: 'failed',
        id: expect.stringMatching(/\.[123]$/),
        message: 'no such package',
      });
  });

  it.concurrent('--count --wait exits 75 when the rest is not answered', async () => {
    const more = use.more();
    const { code, stdout, stderr } = await use.submit(
      'idle',
      '-c',
      more,
      '--count',
      '2',
      '--wait',
      '--timeout',
      '2s',
    );
    expect(code).toBe(75);
    expect(linesOf(stdout).slice(0, 3)).toStrictEqual(['completed 0', 'failed 0', 'unanswered 2']);
    expect(stderr).toBe('error: no final reply for 2s: 2 jobs go on without us\n');
  });
});

describe('submit on an embedded queue that nobody works', () => {
  it('says so on stderr, with its file, and exits 0; not with --json, and not to a daemon that is there', async () => {
    const { dir, ini, remove } = await makeProject(
      '[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[runner:r]\nrunner = shell!true\n',
    );
    const submit = (...args: string[]): Promise<Ended> =>
      start(process.execPath, [CLI, 'submit', 'q', '-c', ini, ...args]).ended;
    const note = `note: nobody works ${dir}/state/queue.sqlite now; the job waits there\n`;
    expect(await submit('--id', 'first')).toStrictEqual({ code: 0, stdout: 'first\n', stderr: note });
    expect(await submit('--json')).toMatchObject({ code: 0, stderr: '' });
    expect(await submit('--count', '2')).toMatchObject({ code: 0, stderr: expect.stringContaining(note) });
    const daemon = await new TestDaemon([ini]).consuming('q');
    expect(await submit()).toMatchObject({ code: 0, stderr: '' });
    await daemon.stop();
    await remove();
  });
});

describe('submit, when the broker is away', () => {
  async function withBroker(amqpIni: string): Promise<Awaited<ReturnType<typeof makeProject>>> {
    return makeProject(`[rbit]\nqueue-mappings = q:r\n[amqp]\n${amqpIni}\n[runner:r]\nrunner = shell!true\n`);
  }

  it.concurrent('says why and exits 69 after --timeout', async () => {
    const port = await freePort();
    const { ini, remove } = await withBroker(`url = amqp://guest:hunter22@127.0.0.1:${port}`);
    for (const args of [[], ['--wait'], ['--count', '3']]) {
      const { code, stdout, stderr } = await start(process.execPath, [
        CLI,
        'submit',
        'q',
        '-c',
        ini,
        '--timeout',
        '500ms',
        ...args,
      ]).ended;
      expect({ code, stdout }).toStrictEqual({ code: 69, stdout: '' });
      expect(stderr).toMatch(
        /^error: the broker cannot be used \(tried for 500ms\): .*nobody listens at amqp:.*\n$/,
      );
      expect(stderr).not.toContain('hunter22');
    }
    await remove();
  });

  it.concurrent.each(['', '--wait', '--count=3', '--json'])(
    'says after a few seconds what it waits for, and for how long: submit q %s',
    async (option) => {
      const port = await freePort();
      const { ini, remove } = await withBroker(`url = amqp://guest:hunter22@127.0.0.1:${port}`);
      const words = ['submit', 'q', '-c', ini, '--timeout', '4s', ...(option === '' ? [] : [option])];
      const { code, stderr } = await start(process.execPath, [CLI, ...words]).ended;
      expect(code).toBe(69);
      expect(linesOf(stderr)).toStrictEqual([
        expect.stringMatching(
          /^note: still waiting for the broker: .*nobody listens at amqp:.* \(given up after 4s\)$/,
        ),
        expect.stringMatching(/^error: the broker cannot be used \(tried for 4s\): /),
      ]);
      await remove();
    },
  );

  it.concurrent('Ctrl-C says that nothing was sent', async () => {
    const port = await freePort();
    const { ini, remove } = await withBroker(`url = amqp://127.0.0.1:${port}`);
    const script = `'${process.execPath}' '${CLI}' submit q -c '${ini}' --wait`;
    const running = start('script', ['-qec', script, '/dev/null']);
    await eventually(() => running.output.stdout.includes('waiting for the broker: '), 'the reason');
    process.kill(await childOf(running.child.pid), 'SIGINT');
    const { stdout } = await running.ended;
    expect(stdout.endsWith(`${CLEAR}interrupted: nothing was put on queue q\r\n`)).toBe(true);
    await remove();
  });

  it.concurrent('a lost connection is survived while a job is followed', async () => {
    const url = new URL(await amqpUrl());
    const tag = randomUUID().slice(0, 8);
    const proxy = await startTcpProxy({ port: Number(url.port) });
    const ini = (port: string | number): string =>
      `[rbit]\nqueue-mappings = cut.${tag}:pages\n[amqp]\nurl = amqp://127.0.0.1:${port}\nexchange = re.${tag}\n[runner:pages]\nrunner = module!./pages.mjs\n`;
    const {
      dir,
      ini: own,
      remove,
    } = await makeProject(ini(url.port), { ...MODULES, 'cut.ini': ini(proxy.port) });
    const daemon = await new TestDaemon([own]).consuming(`cut.${tag}`);
    const args = ['submit', `cut.${tag}`, '-c', join(dir, 'cut.ini'), '--wait', '--set', 'parameters.ms=700'];
    const running = start(process.execPath, [CLI, ...args]);
    await eventually(() => running.output.stdout.includes('\nstarted\n'), 'the start');
    proxy.cut();
    const { code, stdout } = await running.ended;
    expect({ code, last: linesOf(stdout).at(-1) }).toStrictEqual({ code: 0, last: 'completed {"pages":2}' });
    await daemon.stop();
    await proxy.close();
    await remove();
  });
});

describe('submit, used wrongly', () => {
  it.concurrent.each([
    [['q', '--set', 'a'], /^error: --set a: write PATH=VALUE/],
    [['q', '--timeout', '10'], /'10' is invalid\. a duration needs a unit \(try 10s, 10m, 2h\)/],
    [['q', '--count', '2', '--id', 'x'], /cannot be used with/],
    [['q', '--wait'], /reply-to-allow/],
    [[], /missing required argument 'queue'/],
    [['q', '--wat'], /unknown option '--wat'/],
  ])('%j is one line and 64', async (args, expected) => {
    const { ini, remove } = await makeProject(
      '[rbit]\nqueue-mappings = q:r\nstate-dir = state\nreply-to-allow = replies.*\n[runner:r]\nrunner = shell!true\n',
    );
    const { code, stdout, stderr } = await start(process.execPath, [CLI, 'submit', ...args, '-c', ini]).ended;
    expect({ code, stdout }).toStrictEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(expected);
    await remove();
  });

  it.concurrent('a bad configuration is 78', async () => {
    const { ini, remove } = await makeProject('[rbit]\nqueue-mapping = q:r\n');
    expect(await start(process.execPath, [CLI, 'submit', 'q', '-c', ini]).ended).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/queue-mappings/),
    });
    await remove();
  });
});

describe('the message that carries a job', () => {
  it.concurrent('is persistent, has two ids and a time, and says what it is', async () => {
    const url = await amqpUrl();
    const queue = `taken.${randomUUID()}`;
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${url}\n[runner:r]\nrunner = shell!true\n`,
    );
    const requester = await Requester.start(url);
    const begun = Math.floor(Date.now() / 1000);
    const args = [CLI, 'submit', queue, '-c', ini, '--id', 'mine'];
    expect((await start(process.execPath, args).ended).code).toBe(0);
    const { properties, content } = await requester.take(queue);
    expect(content.toString()).toBe('{}');
    expect(properties).toMatchObject({
      deliveryMode: 2,
      contentType: 'application/json',
      correlationId: 'mine',
      messageId: expect.stringMatching(/^[\da-f-]{36}$/),
      headers: {},
      replyTo: undefined,
    });
    expect(properties.timestamp).toBeGreaterThanOrEqual(begun);
    expect((await start(process.execPath, [...args, '--message', '-'], 'no JSON').ended).code).toBe(0);
    expect((await requester.take(queue)).properties.contentType).toBeUndefined();
    await requester.channel.deleteQueue(queue);
    await requester.stop();
    await remove();
  });
});

/** The process that `script` runs. */
async function childOf(pid: number | undefined): Promise<number> {
  let at = pid ?? 0;
  for (;;) {
    const children = (await readFile(`/proc/${at}/task/${at}/children`, 'utf8')).trim();
    if (children === '') return at;
    at = Number(children.split(' ')[0]);
  }
}
