import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type OneQueue, type OneQueueOptions, throughProxy, withQueue as lendQueue } from './one-queue.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let url: string;
let requester: Requester;

beforeAll(async () => {
  url = await amqpUrl();
  requester = await Requester.start(url);
}, 300_000);

afterAll(() => requester.stop());

const withQueue = (options: OneQueueOptions, use: (bench: OneQueue) => Promise<void>): Promise<void> =>
  lendQueue(requester, options, use);
const proxied = (proxy: TcpProxy): string => throughProxy(url, proxy);

describe('stopping', () => {
  it('lets a running job end, answers it, and exits 0', async () => {
    await withQueue({ command: 'sleep 1' }, async ({ queue, ini, runs }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      await eventually(async () => (await runs()).length === 1, 'the run');
      expect(await daemon.stop()).toBe(0);
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
    });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('with %s and nothing to do takes no time', async (signal) => {
    await withQueue({ command: ':' }, async ({ queue, ini }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const before = performance.now();
      expect(await daemon.stop(signal)).toBe(0);
      expect(performance.now() - before).toBeLessThan(3_000);
    });
  });

  it('ends what is left at the shutdown timeout, names it, and puts it back uncounted; the next daemon says no second started', async () => {
    await withQueue(
      { command: 'test -e go || sleep 60', runner: 'kill-grace = 300ms', rbit: 'shutdown-timeout = 500ms' },
      async ({ queue, ini, dir, runs }) => {
        const first = await new TestDaemon([ini]).consuming(queue);
        const correlationId = randomUUID();
        requester.submit(queue, {}, { correlationId });
        await eventually(async () => (await runs()).length === 1, 'the run');
        expect(await first.stop()).toBe(0);
        expect(
          first.log.some(({ msg, job }) => /still runs after 500ms/.test(msg) && job === correlationId),
        ).toBe(true);

        await writeFile(join(dir, 'go'), '');
        const second = await new TestDaemon([ini]).consuming(queue);
        const replies = await requester.heard(2, correlationId);
        expect(replies).toStrictEqual([STARTED, COMPLETED]);
        const end = await eventually(
          () => second.log.find(({ outcome }) => outcome === 'completed'),
          'its end',
        );
        expect(end.attempt).toBe(1);
        await second.stop();
      },
    );
  });

  it('ends at once at the second signal, and leaves no process behind', async () => {
    await withQueue(
      { command: 'trap "" TERM; setsid sleep 62 & echo $! > escaped; sleep 61 & echo $! > child; wait' },
      async ({ queue, ini, dir, runs }) => {
        const daemon = await new TestDaemon([ini]).consuming(queue);
        requester.submit(queue, {});
        await eventually(async () => (await runs()).length === 1, 'the run');
        const child = await eventually(
          async () => Number(await readFile(join(dir, 'child'), 'utf8')),
          'the child',
        );
        daemon.child.kill('SIGTERM');
        await daemon.logged(/no new jobs/);
        daemon.child.kill('SIGTERM');
        expect(await daemon.exited).toBe(128 + 15);
        await eventually(() => !isAlive(child), 'the end of the child');
        const escaped = Number(await readFile(join(dir, 'escaped'), 'utf8'));
        await eventually(() => !isAlive(escaped), 'the end of the one that has left its session');
      },
    );
  });

  it('is not kept up by a log that cannot be written', async () => {
    await withQueue(
      { command: 'sleep 60', rbit: 'shutdown-timeout = 100ms', runner: 'kill-grace = 100ms' },
      async ({ queue, ini, runs }) => {
        const full = await open('/dev/full', 'w');
        const daemon = spawn(process.execPath, [CLI, ini], { stdio: ['ignore', full.fd, 'ignore'] });
        await eventually(() => requester.exists(queue), 'the queue');
        requester.submit(queue, {});
        await eventually(async () => (await runs()).length === 1, 'the run');
        const before = performance.now();
        daemon.kill('SIGTERM');
        expect((await once(daemon, 'exit'))[0]).toBe(0);
        expect(performance.now() - before).toBeLessThan(5_000);
        await full.close();
      },
    );
  });

  it('works while the broker is away', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    proxy.refuse();
    await withQueue({ command: ':', at: proxied(proxy) }, async ({ ini }) => {
      const daemon = new TestDaemon([ini]);
      await daemon.logged(/no connection/);
      const before = performance.now();
      expect(await daemon.stop()).toBe(0);
      expect(performance.now() - before).toBeLessThan(8_000);
    });
    await proxy.close();
  });
});

describe('a broker that goes away', () => {
  it('at the start is waited for', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    proxy.refuse();
    await withQueue({ command: ':', at: proxied(proxy) }, async ({ queue, ini }) => {
      await requester.channel.assertQueue(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      const daemon = new TestDaemon([ini]);
      await daemon.logged(/no connection/);
      proxy.resume();
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      await daemon.stop();
    });
    await proxy.close();
  });

  it('while a job runs: its redelivery joins it, the job runs once and is answered once', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    await withQueue({ command: 'sleep 2', at: proxied(proxy) }, async ({ queue, ini, runs }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      await requester.heard(1, correlationId);
      await eventually(async () => (await runs()).length === 1, 'the run');
      proxy.cut();
      await daemon.logged(/joined, not run again/);
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      await eventually(
        () => daemon.log.some(({ disposal }) => disposal === 'acknowledged'),
        'the acknowledgement',
      );
      expect(await runs()).toHaveLength(1);
      await daemon.stop();
      expect(requester.statuses(correlationId)).toHaveLength(2);
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
    });
    await proxy.close();
  });

  it('when a job ends: its reply waits, is sent once the broker is back, and the job is not run again', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    await withQueue(
      { command: 'until test -e go; do sleep 0.05; done', at: proxied(proxy) },
      async (bench) => {
        const { queue, ini, dir, runs } = bench;
        const daemon = await new TestDaemon([ini]).consuming(queue);
        const correlationId = randomUUID();
        requester.submit(queue, {}, { correlationId });
        await requester.heard(1, correlationId);
        await eventually(async () => (await runs()).length === 1, 'the run');
        proxy.refuse();
        await daemon.logged(/no connection/);
        await writeFile(join(dir, 'go'), '');
        proxy.resume();
        expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
        await eventually(
          async () => (await requester.channel.checkQueue(queue)).messageCount === 0,
          'an empty queue',
        );
        await daemon.stop();
        expect(await runs()).toHaveLength(1);
        expect(requester.statuses(correlationId)).toHaveLength(2);
      },
    );
    await proxy.close();
  });

  it('before it hears the acknowledgement: the message that comes again is acknowledged, not run again', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    const command = 'until test -e go; do sleep 0.05; done';
    await withQueue({ command, at: proxied(proxy), rbit: 'name = deaf' }, async (bench) => {
      const { queue, ini, dir, runs } = bench;
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      await requester.heard(1, correlationId);
      proxy.blackHole('deaf consume');
      await writeFile(join(dir, 'go'), '');
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      await daemon.logged(/its delivery was lost/, 15_000);
      proxy.resume();
      await eventually(
        () => daemon.log.some(({ disposal }) => disposal === 'acknowledged'),
        'the acknowledgement',
      );
      await daemon.stop();
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
      expect(await runs()).toHaveLength(1);
      expect(requester.statuses(correlationId)).toHaveLength(2);
    });
    await proxy.close();
  });

  it('before it hears that a blocked job went back: its copy runs, the message that comes again does not', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    const command = 'until test -e go; do sleep 0.05; done; test "$RBIT_ATTEMPT" = 2 || exit 75';
    const runner = 'blocked-delay = 100ms';
    await withQueue({ command, runner, at: proxied(proxy), rbit: 'name = deaf' }, async (bench) => {
      const { queue, ini, dir, runs } = bench;
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      await requester.heard(1, correlationId);
      proxy.blackHole('deaf consume');
      await writeFile(join(dir, 'go'), '');
      await daemon.logged(/put back for 100ms \(its delivery was lost/, 15_000);
      proxy.resume();
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      await eventually(
        () => daemon.log.filter(({ disposal }) => disposal === 'acknowledged').length === 2,
        'both acknowledgements',
      );
      await daemon.stop();
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
      expect(await runs()).toHaveLength(2);
      expect(requester.statuses(correlationId)).toHaveLength(2);
    });
    await proxy.close();
  });

  it('without a word is noticed by its missing heartbeats', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    await withQueue({ command: ':', at: proxied(proxy) }, async ({ queue, ini }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      proxy.blackHole();
      await daemon.logged(/no connection/, 10_000);
      proxy.resume();
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      expect(await requester.heard(2, correlationId, 15_000)).toStrictEqual([STARTED, COMPLETED]);
      await daemon.stop();
    });
    await proxy.close();
  });
});

describe('equal messages without an id', () => {
  it('are jobs of their own: over cut connections each is run and answered, whatever may run twice', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    const jobs = 400;
    await withQueue(
      { command: 'sleep 0.01', runner: 'concurrency = 4', at: proxied(proxy) },
      async (bench) => {
        const { queue, ini, runs } = bench;
        const daemon = await new TestDaemon([ini]).consuming(queue);
        requester.replies.length = 0;
        for (let n = 0; n < jobs; n += 1) requester.submit(queue, {});
        for (const share of [0.2, 0.4, 0.6, 0.8]) {
          await eventually(async () => (await runs()).length >= jobs * share, `${share} of the runs`, 30_000);
          proxy.cut();
        }
        const finals = (): unknown[] => requester.statuses().filter((body) => !isStarted(body));
        await eventually(() => finals().length >= jobs, 'all final replies', 30_000);
        await eventually(
          async () => (await requester.channel.checkQueue(queue)).messageCount === 0,
          'an empty queue',
        );
        await daemon.stop();
        expect((await runs()).length).toBeGreaterThanOrEqual(jobs);
        expect(finals()).toStrictEqual(finals().map(() => COMPLETED));
      },
    );
    await proxy.close();
  }, 90_000);
});

describe('a daemon that is killed', () => {
  it('loses no job: it runs again at the next start, and its requester hears started once', async () => {
    await withQueue({ command: 'test -e go || sleep 3' }, async ({ queue, ini, dir, runs }) => {
      const first = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      await requester.heard(1, correlationId);
      await eventually(async () => (await runs()).length === 1, 'the run');
      first.child.kill('SIGKILL');
      await first.exited;
      await writeFile(join(dir, 'go'), '');
      const second = await new TestDaemon([ini]).consuming(queue);
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      expect(await runs()).toHaveLength(2);
      await second.stop();
    });
  });
});

describe('a running daemon', () => {
  it('says at SIGUSR2 what it is doing, and goes on at SIGHUP', async () => {
    await withQueue({ command: 'until test -e go; do sleep 0.05; done' }, async ({ queue, ini, dir }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId });
      await requester.heard(1, correlationId);
      daemon.child.kill('SIGUSR2');
      await daemon.logged(/1 jobs? in hand/);
      await daemon.logged(new RegExp(`job ${correlationId} of ${queue}: for `));
      daemon.child.kill('SIGHUP');
      await daemon.logged(/reload: nothing has changed/);
      await writeFile(join(dir, 'go'), '');
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      await daemon.stop();
    });
  });

  it('never fetches more messages than its jobs at once, so that others can have them', async () => {
    await withQueue(
      { command: 'until test -e go; do sleep 0.05; done', runner: 'concurrency = 2' },
      async (bench) => {
        const { queue, ini, dir, runs } = bench;
        const daemon = await new TestDaemon([ini]).consuming(queue);
        for (let n = 0; n < 5; n += 1) requester.submit(queue, {});
        await eventually(async () => (await runs()).length === 2, 'two runs');
        expect((await requester.channel.checkQueue(queue)).messageCount).toBe(3);
        await writeFile(join(dir, 'go'), '');
        await eventually(async () => (await runs()).length === 5, 'five runs');
        await daemon.stop();
      },
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isStarted(body: unknown): boolean {
  return isDeepStrictEqual(body, STARTED);
}
