import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { Requester } from '../support/requester.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let url: string;
let requester: Requester;

beforeAll(async () => {
  url = await amqpUrl();
  requester = await Requester.start(url);
}, 300_000);

afterAll(() => requester.stop());

interface Bench {
  readonly daemon: TestDaemon;
  readonly dir: string;
  readonly queue: string;
  readonly exchange: string;
  /** Sends a job and waits for so many replies. */
  readonly ask: (body: unknown, count: number) => Promise<unknown[]>;
}

async function withDaemon(
  parts: { rbit?: string; runner: string; env?: NodeJS.ProcessEnv; files?: Record<string, string> },
  use: (bench: Bench) => Promise<void>,
): Promise<void> {
  const tag = randomUUID().slice(0, 8);
  const [queue, exchange] = [`opt.${tag}`, `re.${tag}`];
  const project = await makeProject(
    `[rbit]\nqueue-mappings = ${queue}:r\nlog-level = debug\n${parts.rbit ?? ''}\n[amqp]\nurl = ${url}\nexchange = ${exchange}\n[runner:r]\n${parts.runner}\n`,
    parts.files,
  );
  const daemon = await new TestDaemon([project.ini], { env: parts.env ?? {} }).consuming(queue);
  const ask = async (body: unknown, count: number): Promise<unknown[]> => {
    const correlationId = randomUUID();
    requester.submit(queue, body, { correlationId });
    return requester.heard(count, correlationId);
  };
  try {
    await use({ daemon, dir: project.dir, queue, exchange, ask });
  } finally {
    expect(await daemon.stop()).toBe(0);
    await project.remove();
    for (const name of [queue, `${queue}.dead`]) await requester.channel.deleteQueue(name);
    await requester.channel.deleteExchange(exchange);
  }
}

describe('replies', () => {
  it('go only where reply-to-allow lets them', async () => {
    await withDaemon({ rbit: 'reply-to-allow = amq.gen-*', runner: 'runner = shell!true' }, async (bench) => {
      const { queue: other } = await requester.channel.assertQueue(`replies.${randomUUID()}`, {
        exclusive: true,
      });
      requester.submit(bench.queue, {}, { replyTo: other, correlationId: 'c' });
      expect(await bench.ask({}, 2)).toStrictEqual([STARTED, COMPLETED]);
      expect((await requester.channel.checkQueue(other)).messageCount).toBe(0);
      await bench.daemon.logged(new RegExp(`to ${other} dropped: reply-to-allow does not name it`));
    });
  });

  it('keep their distance when reply-gap asks for it', async () => {
    await withDaemon({ rbit: 'reply-gap = 400ms', runner: 'runner = shell!true' }, async ({ ask }) => {
      const before = performance.now();
      expect(await ask({}, 2)).toStrictEqual([STARTED, COMPLETED]);
      expect(performance.now() - before).toBeGreaterThanOrEqual(390);
    });
  });
});

describe('secrets', () => {
  it('reach the runner that they were given to, and no log, reply or published line', async () => {
    const password = new URL(url).password;
    const runner = `runner = module!./leak.mjs\ntoken = \${env:LEAK_TOKEN}\nother = \${file:secret.txt}`;
    const files = {
      'secret.txt': 'file-secret-2\n',
      'leak.mjs': `export default (job, { settings, output, log }) => {
        output('token ' + settings.token); log.info(settings.other);
        if (settings.token !== 'env-"secret"-1') throw new Error('the setting did not arrive');
        if (Object.values(process.env).some((value) => value.includes('secret'))) throw new Error('leaked into the environment');
        if (job.parameters.fail) throw new Error('with ' + settings.token);
        return { deep: [settings.other] };
      };`,
    };
    const env = { LEAK_TOKEN: 'env-"secret"-1' };
    await withDaemon({ runner, env, files }, async ({ ask, daemon, exchange }) => {
      const { queue } = await requester.channel.assertQueue('', { exclusive: true });
      await requester.channel.bindQueue(queue, exchange, 'output');
      expect(await ask({}, 2)).toStrictEqual([STARTED, { ...COMPLETED, data: { deep: ['***'] } }]);
      expect(await ask({ parameters: { fail: true } }, 2)).toMatchObject([
        STARTED,
        { message: /with \*\*\*/ },
      ]);
      expect((await requester.take(queue)).content.toString()).toBe('{"message":"token ***"}');
      await daemon.stop();
      const log = JSON.stringify(daemon.log) + daemon.stderr.join('\n');
      expect(log).toContain('token ***');
      for (const secret of ['secret-1', 'secret\\"-1', 'file-secret-2', `:${password}@`])
        expect(log).not.toContain(secret);
    });
  });
});

describe('a failed job', () => {
  it('is kept with keep-failed, as it was sent, with the reason in its headers', async () => {
    await withDaemon(
      { runner: 'runner = shell!echo broken >&2; exit 9\nkeep-failed = yes' },
      async (bench) => {
        const body = { parameters: { n: 1 }, unknown: true };
        expect(await bench.ask(body, 2)).toStrictEqual([
          STARTED,
          { status: 'failed', message: 'exit code 9: broken' },
        ]);
        const dead = await requester.take(`${bench.queue}.dead`);
        expect(JSON.parse(dead.content.toString())).toStrictEqual(body);
        expect(dead.properties.headers).toMatchObject({
          'x-rbit-reason': 'exit code 9: broken',
          'x-rbit-attempt': 1,
          'x-rbit-runner': 'r',
        });
      },
    );
  });

  it('is retried as often as retries says, then failed once', async () => {
    const runner = 'runner = shell!echo "attempt $RBIT_ATTEMPT" >&2; exit 1\nretries = 2\nretry-delay = 50ms';
    await withDaemon({ runner }, async ({ ask, daemon }) => {
      expect(await ask({}, 2)).toStrictEqual([
        STARTED,
        { status: 'failed', message: 'exit code 1: attempt 3' },
      ]);
      await eventually(
        () => daemon.log.filter(({ outcome }) => outcome === 'failed').length === 3,
        'a line for each of three runs',
      );
    });
  });

  it('is one that was blocked blocked-limit times', async () => {
    const runner = 'runner = shell!echo locked; exit 75\nblocked-delay = 50ms\nblocked-limit = 2';
    await withDaemon({ runner }, async ({ ask }) => {
      expect(await ask({}, 2)).toStrictEqual([
        STARTED,
        { status: 'failed', message: 'still blocked after 2 tries: locked' },
      ]);
    });
  });
});

describe('a job that goes back', () => {
  it('keeps its body, properties and headers', async () => {
    const runner = `runner = module!./again.mjs\nblocked-delay = 50ms`;
    const again = `import { Blocked } from 'rbit-ts';
      export default (job) => { if (job.attempt < 3) throw new Blocked('not yet'); const { id, headers, messageId, timestamp, body } = job; return { id, headers, messageId, timestamp, body }; };`;
    await withDaemon({ runner, files: { 'again.mjs': again } }, async ({ queue }) => {
      const correlationId = randomUUID();
      const body = { parameters: { text: 'ü ☕ \u0000' }, deep: [{}, null, 1.5e300] };
      requester.channel.sendToQueue(queue, Buffer.from(JSON.stringify(body)), {
        correlationId,
        replyTo: requester.replyTo,
        messageId: 'm-1',
        timestamp: 1_700_000_000,
        headers: { own: 'header', count: 7, deep: { list: [true, 'x'] } },
      });
      const [, last] = await requester.heard(2, correlationId);
      expect(last).toMatchObject({
        status: 'completed',
        data: {
          id: correlationId,
          messageId: 'm-1',
          timestamp: 1_700_000_000_000,
          body,
          headers: { own: 'header', count: 7, deep: { list: [true, 'x'] }, 'x-rbit-blocked': 2 },
        },
      });
    });
  });
});

describe('the exchange', () => {
  it('gets the notifications that a job asks for, when notify is on', async () => {
    await withDaemon({ runner: 'runner = shell!exit 4\nnotify = yes' }, async ({ ask, exchange }) => {
      const { queue } = await requester.channel.assertQueue('', { exclusive: true });
      await requester.channel.bindQueue(queue, exchange, 'notify.*');
      await ask({ notify: { started: { irc: ['#ops'] }, failed: { email: ['a@example.com'] } } }, 2);
      const heard = [await requester.take(queue), await requester.take(queue)];
      expect(heard.map(({ fields }) => fields.routingKey)).toStrictEqual(['notify.irc', 'notify.email']);
      expect(heard.map(({ content }): unknown => JSON.parse(content.toString()))).toStrictEqual([
        { slug: 'r started', message: 'r started', phase: 'started', target: ['#ops'] },
        {
          slug: 'r failed: exit code 4',
          message: 'r failed: exit code 4',
          phase: 'failed',
          target: ['a@example.com'],
        },
      ]);
    });
  });

  it('gets no output of a runner with output = no, and no notification that nobody turned on', async () => {
    await withDaemon(
      { runner: 'runner = shell!echo hello\noutput = no' },
      async ({ ask, exchange, daemon }) => {
        const { queue } = await requester.channel.assertQueue('', { exclusive: true });
        await requester.channel.bindQueue(queue, exchange, '#');
        expect(await ask({ notify: { completed: { irc: ['#ops'] } } }, 2)).toStrictEqual([
          STARTED,
          COMPLETED,
        ]);
        await eventually(() => daemon.log.some(({ msg }) => msg === 'hello'), 'the line in the log');
        await daemon.stop();
        expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
      },
    );
  });
});

describe('what a job says', () => {
  async function published(exchange: string): Promise<() => Promise<string[]>> {
    const { queue } = await requester.channel.assertQueue('', { exclusive: true });
    await requester.channel.bindQueue(queue, exchange, 'output');
    const lines: string[] = [];
    await requester.channel.consume(
      queue,
      (message) => {
        if (message !== null)
          lines.push((JSON.parse(message.content.toString()) as { message: string }).message);
      },
      { noAck: true },
    );
    return () =>
      eventually(
        () => (lines.includes('end') || lines.at(-1)?.startsWith('…') ? lines : undefined),
        'the lines',
      );
  }

  it('is masked by redact wherever it goes', async () => {
    const runner = `runner = shell!echo key=abc; echo '{"progress":10,"message":"key=abc"}' >> $RBIT_REPORT; sleep 0.5; echo '{"failed":"no key=abc","data":["x key=abc"]}' >> $RBIT_REPORT; echo end
redact = key=\\S+`;
    await withDaemon({ runner }, async ({ ask, daemon, exchange }) => {
      const lines = await published(exchange);
      expect(await ask({}, 2)).toStrictEqual([
        STARTED,
        { status: 'failed', message: 'no ***', data: ['x ***'] },
      ]);
      expect(await lines()).toEqual(['***', 'end']);
      await daemon.logged(/at 10 %: \*\*\*/);
      expect(JSON.stringify(daemon.log)).not.toContain('key=abc');
    });
  });

  it('is shown up to max-output, and the job goes on', async () => {
    const runner = `runner = shell!yes 123456789 | head -n 100000; echo '{"data":"done"}' >> $RBIT_REPORT
max-output = 30`;
    await withDaemon({ runner }, async ({ ask, exchange }) => {
      const lines = await published(exchange);
      expect(await ask({}, 2)).toStrictEqual([STARTED, { status: 'completed', data: 'done' }]);
      expect(await lines()).toEqual([
        ...Array.from({ length: 3 }, () => '123456789'),
        '… [the rest is left out: max-output is 30 bytes]',
      ]);
    });
  });

  it('keeps it alive under idle-timeout, half a line as well, and silence ends it with all its processes', async () => {
    const runner = `runner = shell!for i in 1 2 3 4 5 6; do printf .; sleep 0.2; done; [ %{parameters.next} = silence ] && exec sleep 300; true
idle-timeout = 600ms
kill-grace = 1s`;
    await withDaemon({ runner }, async ({ ask }) => {
      expect(await ask({ parameters: { next: 'nothing' } }, 2)).toStrictEqual([STARTED, COMPLETED]);
      expect(await ask({ parameters: { next: 'silence' } }, 2)).toStrictEqual([
        STARTED,
        { status: 'failed', message: 'said nothing for 600ms' },
      ]);
    });
  });

  it('by RBIT_REPORT decides how it ends: blocked comes again after the delay that it named', async () => {
    const runner = `runner = shell![ $RBIT_ATTEMPT = 1 ] && echo '{"blocked":"200ms","reason":"DB"}' >> $RBIT_REPORT; exit 0
blocked-delay = 10m`;
    await withDaemon({ runner }, async ({ ask, daemon }) => {
      expect(await ask({}, 2)).toStrictEqual([STARTED, COMPLETED]);
      await daemon.logged(/blocked after .*DB/);
    });
  });
});

describe('the log', () => {
  it('may lose its reader without the jobs noticing', async () => {
    await withDaemon({ runner: 'runner = shell!echo hello' }, async ({ ask, daemon }) => {
      daemon.child.stdout?.destroy();
      for (let n = 0; n < 3; n += 1) expect(await ask({}, 2)).toStrictEqual([STARTED, COMPLETED]);
    });
  });
});

describe('concurrency', () => {
  it('is that of the runner, also when several queues are mapped to it', async () => {
    const tag = randomUUID().slice(0, 8);
    const queues = [`one.${tag}`, `two.${tag}`];
    const project = await makeProject(`[rbit]
queue-mappings = ${queues.map((queue) => `${queue}:r`).join(' ')}
[amqp]
url = ${url}
[runner:r]
runner = shell!mkdir busy || echo twice >> overlaps; sleep 0.1; rmdir busy
`);
    const daemon = await new TestDaemon([project.ini]).consuming(...queues);
    try {
      const ids = queues.flatMap((queue) =>
        Array.from({ length: 5 }, () => {
          const correlationId = randomUUID();
          requester.submit(queue, {}, { correlationId });
          return correlationId;
        }),
      );
      for (const id of ids) expect(await requester.heard(2, id)).toStrictEqual([STARTED, COMPLETED]);
      expect(existsSync(join(project.dir, 'overlaps'))).toBe(false);
    } finally {
      expect(await daemon.stop()).toBe(0);
      await project.remove();
      for (const queue of queues) await requester.channel.deleteQueue(queue);
    }
  });

  it('is not exceeded by a stop: what waits for a slot goes back unsaid, and does not begin', async () => {
    const tag = randomUUID().slice(0, 8);
    const queues = [`one.${tag}`, `two.${tag}`];
    const project = await makeProject(`[rbit]
queue-mappings = ${queues.map((queue) => `${queue}:r`).join(' ')}
[amqp]
url = ${url}
[runner:r]
runner = shell!sleep 1
`);
    const daemon = await new TestDaemon([project.ini]).consuming(...queues);
    try {
      for (const queue of queues) requester.submit(queue, {}, { correlationId: tag });
      await requester.heard(1, tag);
      expect(await daemon.stop()).toBe(0);
      expect(await requester.heard(2, tag)).toStrictEqual([STARTED, COMPLETED]);
      const counts = await Promise.all(queues.map((queue) => requester.channel.checkQueue(queue)));
      expect(counts.reduce((sum, { messageCount }) => sum + messageCount, 0)).toBe(1);
    } finally {
      await daemon.stop();
      await project.remove();
      for (const queue of queues) await requester.channel.deleteQueue(queue);
    }
  });
});

describe('a dead-letter queue that nobody made', () => {
  it('stops no other job: the message is answered once, waits, and is kept as soon as there is one', async () => {
    const tag = randomUUID().slice(0, 8);
    const queue = `passive.${tag}`;
    await requester.channel.assertQueue(queue, { durable: true });
    const project = await makeProject(
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${url}\ndeclare = passive\n[runner:r]\nrunner = shell!true\n`,
    );
    const daemon = await new TestDaemon([project.ini]).consuming(queue);
    try {
      requester.submit(queue, 'junk', { correlationId: `junk-${tag}` });
      await daemon.logged(/dead-letter is not possible: there is no dead-letter queue/);
      for (let n = 0; n < 3; n += 1) {
        const correlationId = randomUUID();
        requester.submit(queue, {}, { correlationId });
        expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      }
      // What waits is taken out of its wait queue by hand: a minute is too long for a test.
      await requester.channel.assertQueue(`${queue}.dead`, { durable: true });
      const waiting = await requester.take(`${queue}.wait.1m`);
      requester.channel.sendToQueue(queue, waiting.content, {
        ...waiting.properties,
        headers: waiting.properties.headers ?? {},
      });
      const dead = await requester.take(`${queue}.dead`);
      expect(dead.content.toString()).toBe('junk');
      expect(dead.properties.headers).toMatchObject({
        'x-rbit-reason': expect.stringMatching(/cannot be decoded/) as string,
      });
      expect(dead.properties.headers).not.toHaveProperty('x-rbit-replied');
      expect(requester.statuses(`junk-${tag}`)).toHaveLength(1);
    } finally {
      expect(await daemon.stop()).toBe(0);
      await project.remove();
      for (const name of [queue, `${queue}.dead`, `${queue}.wait.1m`])
        await requester.channel.deleteQueue(name);
    }
  });
});

describe('a probe', () => {
  it('does not wait for the jobs that were running when the queue was paused', async () => {
    const runner = `runner = shell!test %{parameters.do} != long || sleep 30; test -e ok || exit 127
concurrency = 2
kill-grace = 100ms`;
    await withDaemon({ runner, rbit: 'shutdown-timeout = 500ms' }, async ({ queue, dir, daemon, ask }) => {
      requester.submit(queue, { parameters: { do: 'long' } }, { correlationId: 'long' });
      await requester.heard(1, 'long');
      const short = ask({ parameters: { do: 'short' } }, 2);
      await daemon.logged(/paused: runner r cannot be started/);
      await writeFile(join(dir, 'ok'), '');
      expect(await short).toStrictEqual([STARTED, COMPLETED]);
      expect(requester.statuses('long')).toStrictEqual([STARTED]);
    });
  });

  it('is not taken for a success when a job ends that was running before', async () => {
    const runner = `runner = shell!if test %{parameters.do} = old; then sleep 2.5; else sleep 1; exit 127; fi
concurrency = 2
kill-grace = 100ms`;
    await withDaemon({ runner, rbit: 'shutdown-timeout = 100ms' }, async ({ queue, daemon }) => {
      for (const what of ['old', 'new']) {
        requester.submit(queue, { parameters: { do: what } }, { correlationId: `${what}-${queue}` });
      }
      expect(await requester.heard(2, `old-${queue}`)).toStrictEqual([STARTED, COMPLETED]);
      const paused = (): number => daemon.log.filter(({ msg }) => msg.includes('paused: runner r')).length;
      await eventually(() => paused() === 2, 'the second pause');
      expect(daemon.log.some(({ msg }) => msg.includes('resumed'))).toBe(false);
    });
  });
});
