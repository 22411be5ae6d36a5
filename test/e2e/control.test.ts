import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAll } from '../../src/control/client.ts';
import type { DaemonStatus, QueueStatus } from '../../src/job/status.ts';
import { isAlive } from '../processors/harness.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { throughProxy, withQueue } from './one-queue.ts';

const STARTED = { status: 'started' };
const CANCELLED = { status: 'failed', message: 'cancelled' };
const HANG = 'echo $$ >> pids; sh -c "echo \\$\\$ >> pids; sleep 600" & wait';

let requester: Requester;
beforeAll(async () => {
  requester = await Requester.start(await amqpUrl());
});
afterAll(() => requester.stop());

async function statusIn(dir: string): Promise<DaemonStatus | undefined> {
  const [asked] = await askAll<'status'>(join(dir, 's'), { command: 'status' }, 5_000);
  return asked?.kind === 'answer' ? asked.answer : undefined;
}

async function queueIn(dir: string): Promise<QueueStatus | undefined> {
  return (await statusIn(dir))?.queues[0];
}

async function tell(dir: string, command: 'pause' | 'resume', queue: string): Promise<void> {
  if (command === 'pause') await askAll<'pause'>(join(dir, 's'), { command, queue }, 5_000);
  else await askAll<'resume'>(join(dir, 's'), { command, queue }, 5_000);
}

const OWN_STATE = 'state-dir = s';

describe('on RabbitMQ', () => {
  it('status tells what waits and who consumes, of all daemons together', async () => {
    const command = 'until test -e go; do sleep 0.05; done';
    await withQueue(requester, { command, rbit: OWN_STATE }, async ({ queue, ini, dir }) => {
      const first = await new TestDaemon([ini]).consuming(queue);
      for (let n = 0; n < 4; n += 1) requester.submit(queue, {});
      await eventually(async () => (await queueIn(dir))?.waiting === 3, 'what waits');
      expect(await queueIn(dir)).toMatchObject({ state: 'consuming', running: 1, consumers: 1 });
      const second = await new TestDaemon([ini]).consuming(queue);
      await eventually(async () => (await queueIn(dir))?.consumers === 2, 'the second consumer');
      expect(await queueIn(dir)).toMatchObject({ running: 1, waiting: 2 });
      await writeFile(join(dir, 'go'), '');
      await Promise.all([first.stop(), second.stop()]);
    });
  });

  it('a cancelled job has its whole tree ended, is answered once, and is gone for good', async () => {
    const runner = 'retries = 5\nretry-delay = 1s\nkill-grace = 1s';
    await withQueue(requester, { command: HANG, rbit: OWN_STATE, runner }, async ({ queue, ini, dir }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      const pids = await eventually(async () => {
        const text = await readFile(join(dir, 'pids'), 'utf8');
        return text.split('\n').length === 3 ? text.trim().split('\n').map(Number) : undefined;
      }, 'both processes');
      const request = { command: 'cancel', job: correlationId } as const;
      expect(await askAll<'cancel'>(join(dir, 's'), request, 5_000)).toMatchObject([
        { answer: { cancelled: 1 } },
      ]);
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, CANCELLED]);
      await daemon.logged(/failed after .*: cancelled; message acknowledged/);
      for (const pid of pids) expect(await isAlive(pid)).toBe(false);
      expect(await queueIn(dir)).toMatchObject({ running: 0, waiting: 0 });
      await daemon.stop();
      expect(await requester.channel.checkQueue(queue)).toMatchObject({ messageCount: 0 });
      expect(requester.statuses(correlationId)).toHaveLength(2);
    });
  });

  it('a paused queue stays paused when the broker comes back, and goes on when it is resumed', async () => {
    const proxy = await startTcpProxy(address(requester.url));
    const at = throughProxy(requester.url, proxy);
    await withQueue(
      requester,
      { command: 'true', rbit: OWN_STATE, at },
      async ({ queue, ini, dir, runs }) => {
        const daemon = await new TestDaemon([ini]).consuming(queue);
        await tell(dir, 'pause', queue);
        proxy.cut();
        await eventually(
          () => daemon.log.filter(({ msg }) => /connected to .*consume/.test(msg)).length > 1,
          'the new connection',
        );
        requester.submit(queue, {});
        await eventually(async () => (await queueIn(dir))?.waiting === 1, 'what waits');
        expect(await queueIn(dir)).toMatchObject({ state: 'paused', by: 'operator', consumers: 0 });
        expect(await runs()).toHaveLength(0);
        await tell(dir, 'resume', queue);
        await eventually(async () => (await runs()).length === 1, 'the run');
        await daemon.stop();
      },
    );
    await proxy.close();
  });

  it('what a pause puts back unseen is run once and told once, also if its copy is published twice', async () => {
    const proxy = await startTcpProxy(address(requester.url));
    const at = throughProxy(requester.url, proxy);
    const own = { replyTo: requester.replyTo };
    const messages = [
      own,
      { ...own, correlationId: randomUUID() },
      { ...own, correlationId: randomUUID(), messageId: randomUUID() },
      { ...own, correlationId: randomUUID(), headers: { 'x-rbit-copy': randomUUID() } },
    ];
    const runner = `concurrency = ${messages.length}`;
    const options = { command: 'true', rbit: `${OWN_STATE}\nname = unseen`, runner, at };
    await withQueue(requester, options, async ({ queue, ini, dir, runs }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const waiting = async (): Promise<number> => (await requester.channel.checkQueue(queue)).messageCount;
      const before = requester.replies.length;
      const pauseAsTheyCome = async (): Promise<void> => {
        await eventually(async () => (await queueIn(dir))?.state === 'consuming', 'the consumer');
        proxy.delay(400);
        for (const message of messages) requester.channel.sendToQueue(queue, Buffer.from('{}'), message);
        await eventually(async () => (await waiting()) === 0, 'the messages being on their way');
        await tell(dir, 'pause', queue);
      };
      const copies = async (count: number): Promise<void> => {
        await eventually(async () => (await waiting()) === count, `${count} copies`);
      };
      // The first time opens the channel that copies go by.
      await pauseAsTheyCome();
      proxy.delay(0);
      await copies(messages.length);
      await requester.channel.purgeQueue(queue);
      await tell(dir, 'resume', queue);
      await pauseAsTheyCome();
      proxy.halfOpen('down', 'unseen publish');
      proxy.delay(0);
      await copies(messages.length);
      proxy.resume();
      await copies(2 * messages.length);
      await tell(dir, 'resume', queue);
      await eventually(async () => (await waiting()) === 0, 'the empty queue');
      await daemon.stop();
      await requester.heard(before + 2 * messages.length);
      expect(await runs()).toHaveLength(messages.length);
      const told = requester.replies.slice(before).map(({ body }) => body['status']);
      for (const status of ['started', 'completed'])
        expect(told.filter((one) => one === status)).toHaveLength(messages.length);
    });
    await proxy.close();
  });

  it('status says why a queue is not consumed while the broker is away', async () => {
    const proxy = await startTcpProxy(address(requester.url));
    const at = throughProxy(requester.url, proxy);
    await withQueue(requester, { command: 'true', rbit: OWN_STATE, at }, async ({ queue, ini, dir }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      await proxy.close();
      await daemon.logged(/no connection \(consume\)/);
      await eventually(async () => (await queueIn(dir))?.state === 'not-consumed', 'the loss');
      expect(await queueIn(dir)).toMatchObject({
        reason: expect.stringMatching(/^no connection: /),
        consumers: null,
        waiting: null,
      });
      await daemon.stop();
    });
  });
});

describe('a daemon that stops', () => {
  it('can be asked, and told to cancel, until the last job has ended; then its socket is gone', async () => {
    await withQueue(
      requester,
      { command: HANG, rbit: OWN_STATE, at: 'embedded' },
      async ({ queue, ini, dir }) => {
        const daemon = await new TestDaemon([ini]).consuming(queue);
        const submit = new TestDaemon(['submit', queue, '-c', ini, '--json']);
        await submit.exited;
        await eventually(async () => (await statusIn(dir))?.jobs[0]?.state === 'running', 'the run');
        daemon.child.kill('SIGTERM');
        await eventually(async () => (await statusIn(dir))?.daemon.state === 'stopping', 'the stop');
        const job = (await statusIn(dir))?.jobs[0]?.id ?? '';
        expect(await askAll<'pause'>(join(dir, 's'), { command: 'pause', queue }, 5_000)).toMatchObject([
          { answer: { kind: 'stopping' } },
        ]);
        await askAll<'cancel'>(join(dir, 's'), { command: 'cancel', job }, 5_000);
        expect(await daemon.exited).toBe(0);
        expect(await askAll<'status'>(join(dir, 's'), { command: 'status' }, 5_000)).toStrictEqual([]);
        await daemon.logged(/failed after .*: cancelled/);
      },
    );
  });

  it('logs at SIGUSR2 what status shows: a line for itself, each queue and each job', async () => {
    const command = 'echo hello; sleep 600';
    await withQueue(requester, { command, rbit: OWN_STATE, at: 'embedded' }, async ({ queue, ini, dir }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      await new TestDaemon(['submit', queue, '-c', ini, '--id', 'j', '--json']).exited;
      await eventually(async () => (await statusIn(dir))?.jobs[0]?.lastLine === 'hello', 'the line');
      daemon.child.kill('SIGUSR2');
      await daemon.logged(new RegExp(`process ${daemon.child.pid}, for .*: 1 job in hand$`));
      await daemon.logged(new RegExp(`queue ${queue}: consuming; 1 in hand, 0 waiting, 1 consumer$`));
      await daemon.logged(new RegExp(`job j of ${queue}: for .*, running; last line: hello$`));
      daemon.child.kill('SIGINT');
      await daemon.logged(/SIGINT/);
      await askAll<'cancel'>(join(dir, 's'), { command: 'cancel', job: 'j' }, 5_000);
      await daemon.exited;
    });
  });
});

function address(url: string): { port: number; host: string } {
  const { port, hostname } = new URL(url);
  return { port: Number(port === '' ? 5672 : port), host: hostname };
}
