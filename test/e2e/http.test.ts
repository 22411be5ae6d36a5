import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Readiness } from '../../src/http/readiness.ts';
import { samples } from '../http/samples.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { listeningPort } from '../support/free-port.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { throughProxy } from './one-queue.ts';

const ANYWHERE = '127.0.0.1:0';

/** A daemon with [http], and what it says there. */
interface Watched {
  readonly daemon: TestDaemon;
  readonly dir: string;
  readonly ini: string;
  /** Waits until it listens. */
  readonly url: () => Promise<string>;
  readonly ready: () => Promise<Readiness & { readonly status: number }>;
  readonly metrics: () => Promise<Map<string, number>>;
  /** Runs a command of rbit-ts with its INI file. */
  readonly command: (...words: readonly string[]) => Promise<string>;
}

async function start(rest: string, listen = ANYWHERE): Promise<Watched> {
  const project = await makeProject(`[http]\nlisten = ${listen}\n${rest}`);
  onTestFinished(() => project.remove());
  const daemon = new TestDaemon([project.ini]);
  onTestFinished(async () => void (await daemon.stop()));
  const url = async (): Promise<string> => {
    const { msg } = await daemon.logged(/^page, health and metrics at/);
    return msg.slice('page, health and metrics at '.length);
  };
  return {
    daemon,
    ...project,
    url,
    async ready() {
      const response = await fetch(`${await url()}/readyz`);
      return { status: response.status, ...((await response.json()) as Readiness) };
    },
    async metrics() {
      return samples(await (await fetch(`${await url()}/metrics`)).text());
    },
    async command(...words) {
      const env = { ...process.env, XDG_STATE_HOME: join(project.dir, 'state') };
      const run = promisify(execFile);
      return (await run(process.execPath, [CLI, ...words, '-c', project.ini], { env })).stdout;
    },
  };
}

describe('a daemon with [http]', () => {
  it('is healthy, ready when its queue is consumed, and counts its jobs', async () => {
    const { daemon, url, ready, metrics, command } = await start(
      '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!exit %{parameters.code}\nretries = 1\nretry-delay = 1ms\n',
    );
    await daemon.consuming('q');
    expect(await (await fetch(`${await url()}/healthz`)).text()).toBe('ok\n');
    expect(await ready()).toStrictEqual({
      status: 200,
      ready: true,
      checks: [
        { name: 'broker', ok: true },
        { name: 'queue q', ok: true },
      ],
    });
    for (const code of [0, 1])
      await command('submit', 'q', '--set', `parameters.code=${code}`, '--wait').catch(() => {});
    const found = await eventually(async () => {
      const now = await metrics();
      return now.get('rbit_jobs_total{queue="q",runner="r",outcome="failed"}') === 1 ? now : undefined;
    }, 'the end of the second job');
    const of = (name: string, more = ''): number | undefined =>
      found.get(`${name}{queue="q",runner="r"${more}}`);
    expect(of('rbit_jobs_total', ',outcome="completed"')).toBe(1);
    expect(of('rbit_jobs_total', ',outcome="failed"')).toBe(1);
    expect(of('rbit_retries_total')).toBe(1);
    expect(of('rbit_job_duration_seconds_count')).toBe(3);
    expect(of('rbit_jobs_running')).toBe(0);
    expect(found.get('rbit_replies_total{status="started"}')).toBe(2);
    expect(found.get('rbit_replies_total{status="completed"}')).toBe(1);
    expect(found.get('rbit_replies_total{status="failed"}')).toBe(1);
    expect(found.get('rbit_ready')).toBe(1);
  });

  it('is not ready while a runner cannot be started, and says which and why', async () => {
    const { daemon, ready, metrics, command } = await start(
      '[rbit]\nqueue-mappings = good:true bad:broken\n[runner:true]\nrunner = shell!true\n[runner:broken]\nrunner = shell!exit 126\n',
    );
    await daemon.consuming('good', 'bad');
    await command('submit', 'bad');
    await daemon.logged(/^queue bad paused/);
    expect(await ready()).toStrictEqual({
      status: 503,
      ready: false,
      checks: [
        { name: 'broker', ok: true },
        { name: 'queue good', ok: true },
        {
          name: 'queue bad',
          ok: false,
          reason: expect.stringMatching(/^(?:paused|probing): broken cannot be started: .*126/) as string,
        },
      ],
    });
    const found = await metrics();
    expect(found.get('rbit_queue_paused{queue="bad"}')).toBe(1);
    expect(found.get('rbit_queue_paused{queue="good"}')).toBe(0);
    expect(found.get('rbit_ready')).toBe(0);
  });

  it('stays ready while an operator has paused a queue, and says so', async () => {
    const { daemon, ready, metrics, command } = await start(
      '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!true\n',
    );
    await daemon.consuming('q');
    await command('pause', 'q');
    expect(await ready()).toMatchObject({
      status: 200,
      checks: [
        {},
        { name: 'queue q', ok: true, reason: expect.stringContaining('by an operator') as string },
      ],
    });
    expect((await metrics()).get('rbit_queue_paused{queue="q"}')).toBe(1);
    expect((await metrics()).get('rbit_queue_consumed{queue="q"}')).toBe(0);
    await command('resume', 'q');
    await eventually(
      async () => (await metrics()).get('rbit_queue_consumed{queue="q"}') === 1,
      'the queue is consumed',
    );
  });

  it('goes on answering while it stops, not ready any more, and hangs up at the end', async () => {
    const { daemon, dir, url, ready, metrics, command } = await start(
      '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!touch begun; while ! test -e go; do sleep 0.05; done\n',
    );
    await daemon.consuming('q');
    await command('submit', 'q');
    await eventually(
      async () => (await metrics()).get('rbit_jobs_running{queue="q",runner="r"}') === 1,
      'the run',
    );
    const exited = daemon.stop();
    await daemon.logged(/^SIGTERM/);
    expect(await ready()).toMatchObject({
      status: 503,
      checks: [{ name: 'daemon', ok: false, reason: 'it stops' }, {}, {}],
    });
    expect((await fetch(`${await url()}/healthz`)).status).toBe(200);
    await writeFile(join(dir, 'go'), '');
    expect(await exited).toBe(0);
    await expect(fetch(`${await url()}/healthz`)).rejects.toThrow('fetch failed');
  });

  it('works its jobs although somebody else has its port, says so, and takes it when it is free', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const address = `127.0.0.1:${listeningPort(other)}`;
    const { daemon, ready, command } = await start(
      '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!true\n',
      address,
    );
    const { level, msg } = await daemon.logged(/no page, no health and no metrics/);
    expect(level).toBe('error');
    expect(msg).toBe(
      `[http] listen = ${address}: no page, no health and no metrics: somebody else listens there: give each daemon a port of ` +
        'its own (EADDRINUSE; jobs go on; next try in 1s)',
    );
    await daemon.consuming('q');
    await command('submit', 'q', '--wait');
    other.close();
    await eventually(async () => (await ready()).ready, 'it listens');
  });
});

describe('a daemon with [http] on RabbitMQ', () => {
  it('is not ready while the broker is away, is again when it is back, and counts what came of it', async () => {
    const url = await amqpUrl();
    const requester = await Requester.start(url);
    onTestFinished(() => requester.stop());
    const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
    onTestFinished(() => proxy.close());
    const queue = `http.${randomUUID().slice(0, 8)}`;
    onTestFinished(async () => void (await requester.channel.deleteQueue(queue)));
    const { daemon, dir, ready, metrics } = await start(
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${throughProxy(url, proxy)}\nreconnect-max-delay = 300ms\n` +
        '[runner:r]\nrunner = shell!while ! test -e go; do sleep 0.05; done\n',
    );
    const OF_RUN = `{queue="${queue}",runner="r"}`;
    await daemon.consuming(queue);
    expect(await ready()).toStrictEqual({
      status: 200,
      ready: true,
      checks: [
        { name: 'broker', ok: true },
        { name: 'journal', ok: true },
        { name: `queue ${queue}`, ok: true },
      ],
    });

    const sentAt = Math.floor(Date.now() / 1000) - 100;
    requester.channel.sendToQueue(queue, Buffer.from('{}'), { timestamp: sentAt, replyTo: 'gone' });
    await eventually(async () => (await metrics()).get(`rbit_jobs_running${OF_RUN}`) === 1, 'the run');
    // Before it is confirmed nobody could tell what became of it.
    await eventually(
      async () => (await metrics()).get('rbit_replies_dropped_total') === 1,
      '"started" is dropped',
    );
    proxy.refuse();
    const away = await eventually(async () => {
      const found = await ready();
      return found.ready ? undefined : found;
    }, 'it is not ready');
    expect(away.status).toBe(503);
    expect((await metrics()).get('rbit_connected{connection="consume"}')).toBe(0);

    proxy.resume();
    await eventually(
      async () => (await metrics()).get(`rbit_redeliveries_total${OF_RUN}`) === 1,
      'it is joined',
    );
    await writeFile(join(dir, 'go'), '');
    const found = await eventually(async () => {
      const now = await metrics();
      return now.get(`rbit_jobs_total{queue="${queue}",runner="r",outcome="completed"}`) === 1
        ? now
        : undefined;
    }, 'its end');
    expect((await ready()).ready).toBe(true);
    expect(found.get('rbit_reconnects_total{connection="consume"}')).toBe(1);
    expect(found.get('rbit_reconnects_total{connection="publish"}')).toBe(1);
    // Once for "started", once for the final reply.
    expect(found.get('rbit_replies_dropped_total')).toBe(2);
    expect(found.get(`rbit_job_wait_seconds_count${OF_RUN}`)).toBe(1);
    expect(found.get(`rbit_job_wait_seconds_sum${OF_RUN}`)).toBeGreaterThanOrEqual(100);
    expect(found.get(`rbit_job_wait_seconds_sum${OF_RUN}`)).toBeLessThan(110);
  });
});

describe('a daemon with [http] and ack = receipt', () => {
  it('counts a reply when the broker has it, not when it is on the disk, and watches both', async () => {
    const url = await amqpUrl();
    const requester = await Requester.start(url);
    onTestFinished(() => requester.stop());
    const queue = `http.${randomUUID().slice(0, 8)}`;
    onTestFinished(async () => void (await requester.channel.deleteQueue(queue)));
    const { daemon, ready, metrics } = await start(
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${url}\n[runner:r]\nrunner = shell!true\nack = receipt\n`,
    );
    await daemon.consuming(queue);
    requester.submit(queue, {});
    requester.submit(queue, {}, { replyTo: 'gone' });
    await requester.heard(2);
    const found = await eventually(async () => {
      const now = await metrics();
      return now.get('rbit_replies_dropped_total') === 2 ? now : undefined;
    }, 'the replies that nobody can receive');
    expect(found.get('rbit_replies_total{status="started"}')).toBe(1);
    expect(found.get('rbit_replies_total{status="completed"}')).toBe(1);
    for (const connection of ['consume', 'publish', 'embedded queue'])
      expect(found.get(`rbit_connected{connection="${connection}"}`), connection).toBe(1);
    expect(await ready()).toMatchObject({ status: 200, ready: true });
  });
});

describe('a daemon without [http]', () => {
  it('listens nowhere', async () => {
    const project = await makeProject('[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!true\n');
    onTestFinished(() => project.remove());
    const daemon = await new TestDaemon([project.ini]).consuming('q');
    onTestFinished(async () => void (await daemon.stop()));
    const folder = `/proc/${daemon.child.pid}/fd`;
    const links = await Promise.all(
      (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')),
    );
    const listening = await listeningSockets();
    expect(links.filter((link) => listening.has(link))).toStrictEqual([]);
  });

  it('loads nothing for it', async () => {
    const script = `const loaded = [];
      require('node:module').registerHooks({
        resolve(name, context, next) {
          const found = next(name, context);
          loaded.push(found.url);
          return found;
        },
      });
      import('./src/daemon/compose.ts').then(() => console.log(loaded.join()))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
    // They would be seen if they were.
    expect(stdout).toContain('/src/daemon/make-http.ts');
    for (const name of ['/src/http/http-service.ts', '/src/client/', '/src/daemon/retry-kept.ts'])
      expect(stdout, name).not.toContain(name);
    expect(stdout).not.toContain('prom-client');
  });
});

/** TCP sockets of this machine that listen, as the links in /proc/PID/fd name them. */
async function listeningSockets(): Promise<Set<string>> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  return new Set(rows.filter(([, , , state]) => state === '0A').map((row) => `socket:[${row[9]}]`));
}
