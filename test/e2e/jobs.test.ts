import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { amqpPublish } from '../support/install.ts';
import { Requester } from '../support/requester.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let url: string;
let requester: Requester;
let daemon: TestDaemon;
let project: Awaited<ReturnType<typeof makeProject>>;
const tag = randomUUID().slice(0, 8);
const [shell, module] = [`shell.${tag}`, `module.${tag}`];
const exchange = `re.${tag}`;

/** Debian's amqp-publish cannot set a correlation id, so each test that counts replies sends one job at a time. */
async function ask(queue: string, body: unknown, count: number): Promise<unknown[]> {
  requester.replies.length = 0;
  await requester.submitByCommand(queue, typeof body === 'string' ? body : JSON.stringify(body));
  return requester.heard(count);
}

async function messageCount(queue: string): Promise<number> {
  return (await requester.channel.checkQueue(queue)).messageCount;
}

beforeAll(async () => {
  url = await amqpUrl();
  await amqpPublish();
  requester = await Requester.start(url);
  await requester.channel.assertExchange(exchange, 'topic', { durable: true });
  project = await makeProject(
    `[rbit]
queue-mappings =
    ${shell}:shell
    ${module}:module
log-level = debug

[amqp]
url = ${url}
exchange = ${exchange}

[runner:shell]
runner = shell!
    case %{parameters.do} in
      print) echo "one '%{parameters.text}'"; echo two >&2; cat > /dev/null ;;
      stdin) cat ;;
      fail) echo "no such package: %{parameters.text}" >&2; exit 3 ;;
      block) if [ "$RBIT_ATTEMPT" -lt 3 ]; then exit 75; fi; echo "attempt $RBIT_ATTEMPT" ;;
      hang) sleep 60 & sleep 60 ;;
      flaky) test "$RBIT_ATTEMPT" -ge 2 ;;
    esac
blocked-delay = 100ms..200ms
timeout = 1s
kill-grace = 500ms
required = parameters.do

[runner:module]
runner = module!work.mts:work
concurrency = 2
retries = 1
retry-delay = 100ms
timeout = 700ms
kill-grace = 300ms
`,
    {
      'work.mts': `
import { Blocked, Failed, type Job, type JobContext } from 'rbit-ts';

export async function work(job: Job, context: JobContext): Promise<unknown> {
  const { do: what, text } = job.parameters as { do: string; text: string };
  switch (what) {
    case 'data': context.output('working on ' + text); return { text, attempt: job.attempt };
    case 'nothing': return undefined;
    case 'fail': throw new Failed('no such package', { text });
    case 'block': if (job.attempt < 3) throw new Blocked('waiting for DB', { delay: '100ms' }); return job.attempt;
    case 'crash': throw new TypeError('boom ' + job.attempt);
    case 'flaky': if (job.attempt === 1) throw new Error('once'); return job.attempt;
    case 'hang': return await new Promise(() => {});
    case 'spin': for (;;);
    default: throw new Error('do what?');
  }
}
`,
    },
  );
  daemon = await new TestDaemon([project.ini]).consuming(shell, module);
}, 300_000);

afterAll(async () => {
  await daemon.stop();
  await project.remove();
  for (const queue of [shell, module, `${shell}.dead`, `${module}.dead`])
    await requester.channel.deleteQueue(queue);
  await requester.channel.deleteExchange(exchange);
  await requester.stop();
});

describe('a job sent by a foreign client', () => {
  it('completes: started and completed arrive in order, with the properties of the protocol', async () => {
    expect(await ask(shell, { parameters: { do: 'print', text: "it's" } }, 2)).toStrictEqual([
      STARTED,
      COMPLETED,
    ]);
    for (const { properties } of requester.replies) {
      expect(properties).toMatchObject({
        appId: 'shell',
        replyTo: 'log',
        contentType: 'application/json',
        deliveryMode: 2,
      });
      expect(properties.correlationId).toBeUndefined();
    }
  });

  it('gets its correlation id back', async () => {
    const correlationId = randomUUID();
    requester.submit(module, { parameters: { do: 'nothing' } }, { correlationId });
    expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
  });

  it('gets as data what a module returns', async () => {
    expect(await ask(module, { parameters: { do: 'data', text: 'tea ☕' } }, 2)).toStrictEqual([
      STARTED,
      { ...COMPLETED, data: { text: 'tea ☕', attempt: 1 } },
    ]);
  });

  it.each([
    [shell, 'exit code 3: no such package: x', undefined],
    [module, 'no such package', { text: 'x' }],
  ])('that fails says so once, with the reason (%s)', async (queue, message, data) => {
    expect(await ask(queue, { parameters: { do: 'fail', text: 'x' } }, 2)).toStrictEqual([
      STARTED,
      { status: 'failed', message, ...(data === undefined ? {} : { data }) },
    ]);
  });

  it.each([
    [shell, COMPLETED],
    [module, { ...COMPLETED, data: 3 }],
  ])('that is blocked twice says nothing of it, and completes at the third run (%s)', async (queue, last) => {
    expect(await ask(queue, { parameters: { do: 'block', text: '' } }, 2)).toStrictEqual([STARTED, last]);
    expect(daemon.log.filter(({ outcome, queue: of }) => outcome === 'blocked' && of === queue)).toHaveLength(
      2,
    );
  });

  it('that crashes is retried in silence, as often as it may', async () => {
    expect(await ask(module, { parameters: { do: 'flaky' } }, 2)).toStrictEqual([
      STARTED,
      { ...COMPLETED, data: 2 },
    ]);
    expect(await ask(module, { parameters: { do: 'crash' } }, 2)).toStrictEqual([
      STARTED,
      { status: 'failed', message: 'TypeError: boom 2' },
    ]);
  });

  it.each([
    [shell, 'hang', 'timed out after 1s'],
    [module, 'hang', 'timed out after 700ms'],
    [module, 'spin', 'timed out after 700ms'],
  ])('that takes too long is ended and failed (%s %s)', async (queue, what, message) => {
    expect(await ask(queue, { parameters: { do: what, text: '' } }, 2)).toStrictEqual([
      STARTED,
      { status: 'failed', message },
    ]);
  });

  it('that lacks a required key fails before it starts', async () => {
    expect(await ask(shell, { parameters: {} }, 1)).toStrictEqual([
      { status: 'failed', message: 'missing required keys: parameters.do' },
    ]);
  });

  it('that is not JSON fails without a start, and is kept on the dead-letter queue with the reason', async () => {
    const [reply] = await ask(shell, '{oops', 1);
    expect(reply).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/cannot be decoded: not JSON/),
    });
    const dead = await requester.take(`${shell}.dead`);
    expect(dead.content.toString()).toBe('{oops');
    expect(dead.properties.replyTo).toBe(requester.replyTo);
    expect(dead.properties.headers).toMatchObject({
      'x-rbit-reason': expect.stringMatching(/not JSON/),
      'x-rbit-queue': shell,
      'x-rbit-runner': 'shell',
    });
  });

  it('without reply_to runs and is settled, and nothing is said', async () => {
    requester.replies.length = 0;
    const lines = daemon.log.length;
    await requester.submitByCommand(shell, JSON.stringify({ parameters: { do: 'print', text: 'silent' } }), {
      replyTo: '',
    });
    await eventually(
      () =>
        daemon.log
          .slice(lines)
          .some(({ outcome, disposal }) => outcome === 'completed' && disposal === 'acknowledged'),
      'the acknowledgement',
    );
    expect(requester.replies).toHaveLength(0);
  });

  it('whose reply queue is gone runs and is settled, and the loss is logged once', async () => {
    const lines = daemon.log.length;
    await requester.submitByCommand(shell, JSON.stringify({ parameters: { do: 'print', text: 'x' } }), {
      replyTo: `gone.${tag}`,
    });
    await eventually(
      () => daemon.log.slice(lines).some(({ outcome }) => outcome === 'completed'),
      'the end of the job',
    );
    const dropped = daemon.log.slice(lines).filter(({ msg }) => msg.includes('dropped'));
    expect(dropped.map(({ msg }) => msg)).toStrictEqual([
      `reply "started" to gone.${tag} dropped: its queue is gone`,
    ]);
  });

  it('prints to the exchange and to the log, line by line', async () => {
    const { queue } = await requester.channel.assertQueue('', { exclusive: true });
    await requester.channel.bindQueue(queue, exchange, 'output');
    await ask(shell, { parameters: { do: 'print', text: 'x y' } }, 2);
    const messages = [await requester.take(queue), await requester.take(queue)];
    const lines = messages.map(({ content }): unknown => JSON.parse(content.toString()));
    expect(lines).toStrictEqual(expect.arrayContaining([{ message: "one 'x y'" }, { message: 'two' }]));
    await eventually(() => daemon.log.some(({ msg }) => msg === "one 'x y'"), 'the line in the log');
  });

  it('gets its message on standard input, byte for byte', async () => {
    const body = { parameters: { do: 'stdin', text: 'ü\n"' } };
    const lines = daemon.log.length;
    await ask(shell, body, 2);
    await eventually(
      () => daemon.log.slice(lines).some(({ msg }) => msg === JSON.stringify(body)),
      'the body, printed',
    );
  });

  it('is logged in one line that says what was done with its message and why', async () => {
    const lines = daemon.log.length;
    await ask(module, { parameters: { do: 'nothing' } }, 2);
    const line = await eventually(
      () => daemon.log.slice(lines).find(({ outcome, queue }) => outcome !== undefined && queue === module),
      'the line',
    );
    expect(line).toMatchObject({
      level: 'info',
      queue: module,
      runner: 'module',
      attempt: 1,
      outcome: 'completed',
      disposal: 'acknowledged',
      durationMs: expect.any(Number),
    });
    expect(line.msg).toMatch(/^job \S+ of \S+ completed after \d+ms; message acknowledged$/);
  });

  it('leaves nothing on its queue', async () => {
    await eventually(
      async () => (await messageCount(shell)) + (await messageCount(module)) === 0,
      'empty queues',
    );
  });
});

describe('a runner that cannot be started', () => {
  it('pauses its queue without burning a message, and goes on by itself when it can be started', async () => {
    const queue = `late.${tag}`;
    const late = await makeProject(`[rbit]
queue-mappings = ${queue}:late
[amqp]
url = ${url}
[runner:late]
runner = shell!./late.sh %{parameters.n}
concurrency = 3
`);
    const worker = await new TestDaemon([late.ini]).consuming(queue);
    try {
      for (let n = 0; n < 5; n += 1)
        requester.submit(queue, { parameters: { n } }, { correlationId: `${tag}-${n}` });
      await worker.logged(/paused: runner late cannot be started/);
      await writeFile(join(late.dir, 'late.sh'), '#!/bin/sh\necho "$1" >> done\n');
      await chmod(join(late.dir, 'late.sh'), 0o755);
      await worker.logged(/resumed/, 20_000);
      for (let n = 0; n < 5; n += 1) {
        expect(await requester.heard(2, `${tag}-${n}`)).toStrictEqual([STARTED, COMPLETED]);
      }
      await eventually(() => existsSync(join(late.dir, 'done')), 'the jobs');
      expect((await readFile(join(late.dir, 'done'), 'utf8')).trim().split('\n').sort()).toStrictEqual([
        '0',
        '1',
        '2',
        '3',
        '4',
      ]);
    } finally {
      await worker.stop();
      await late.remove();
      await requester.channel.deleteQueue(queue);
    }
  });
});
