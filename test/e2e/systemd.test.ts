import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAll } from '../../src/control/client.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { NotifySocket } from '../support/notify-socket.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const WATCHDOG_MS = 800;

interface Service {
  readonly dir: string;
  readonly ini: string;
  readonly socket: NotifySocket;
  /** Starts the daemon as systemd would. */
  readonly start: (env?: NodeJS.ProcessEnv) => TestDaemon;
}

/** Lends a daemon that systemd could have started, and takes everything away afterwards. */
async function withService(
  ini: string,
  address: string | undefined,
  use: (service: Service) => Promise<void>,
): Promise<void> {
  const { dir, ini: file, remove } = await makeProject(ini);
  const socket = await NotifySocket.listen(address ?? join(dir, 'notify'));
  const daemons: TestDaemon[] = [];
  const start = (env: NodeJS.ProcessEnv = {}): TestDaemon => {
    const asked = { NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) };
    const daemon = new TestDaemon([file], { env: { ...asked, ...env } });
    daemons.push(daemon);
    return daemon;
  };
  try {
    await use({ dir, ini: file, socket, start });
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.stop('SIGKILL')));
    await socket.close();
    await remove();
  }
}

function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

async function submit(ini: string, queue: string): Promise<void> {
  await new TestDaemon(['submit', queue, '-c', ini, '--json']).exited;
}

const EMBEDDED = (command: string): string => `[rbit]
queue-mappings = a:r
state-dir = s
[runner:r]
runner = shell!${command}
`;

describe('systemd is told', () => {
  it('that the daemon is ready, what it does, what an operator pauses, that it stops, and for how long at most', async () => {
    const command = 'env > env; until test -e go; do sleep 0.05; done';
    await withService(EMBEDDED(command), undefined, async ({ dir, ini, socket, start }) => {
      const daemon = start();
      await socket.said(/^0 running$/);
      expect(socket.heard[0]?.fields).toMatchObject({ READY: '1' });
      await submit(ini, 'a');
      await socket.said(/^1 running$/);
      await askAll<'pause'>(join(dir, 's'), { command: 'pause', queue: 'a' }, 5_000);
      await socket.said(/^1 running, 1 queue paused$/);
      daemon.child.kill('SIGTERM');
      await socket.said(/^stopping: 1 running$/);
      const stopping = socket.heard.find(({ fields }) => 'STOPPING' in fields)?.fields;
      // shutdown-timeout, two times kill-grace, and what the farewells take.
      expect(stopping).toMatchObject({
        STOPPING: '1',
        EXTEND_TIMEOUT_USEC: String((30 + 2 * 10 + 20) * 1e6),
      });
      await socket.fed(2);
      await writeFile(join(dir, 'go'), '');
      expect(await daemon.exited).toBe(0);
      expect(socket.values('READY')).toStrictEqual(['1']);
      expect(await readFile(join(dir, 'env'), 'utf8')).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
    });
  });

  it('that it is ready although the broker does not answer, without what is secret', async () => {
    const hole = await startTcpProxy({ port: 1 });
    hole.blackHole();
    const ini = `[rbit]\nqueue-mappings = a:r\nstate-dir = s\n[runner:r]\nrunner = shell!true\n[amqp]
url = amqp://rbit:hunter2@127.0.0.1:${hole.port}\nconnect-timeout = 500ms\n`;
    await withService(ini, undefined, async ({ socket, start }) => {
      const daemon = start();
      await socket.said(/^no connection: .*; 0 running, 1 queue not consumed$/);
      expect(socket.values('READY')).toStrictEqual(['1']);
      // Longer than any queue may be without its consumer.
      await socket.fed(5);
      expect(JSON.stringify(socket.heard)).not.toContain('hunter2');
      expect(await daemon.stop()).toBe(0);
    });
    await hole.close();
  });

  it('by one process, which is started again when it is gone; without systemd there is none', async () => {
    await withService(EMBEDDED('true'), undefined, async ({ socket, start }) => {
      const daemon = start();
      await socket.fed(1);
      const [speaker = 0, ...others] = childrenOf(daemon.child.pid);
      expect(others).toStrictEqual([]);
      process.kill(speaker, 'SIGKILL');
      await socket.fed(2);
      expect(childrenOf(daemon.child.pid)).not.toContain(speaker);
      await daemon.logged(/the service manager does not hear this daemon: it was ended by SIGKILL/);
      expect(await daemon.stop()).toBe(0);

      const alone = await start({ NOTIFY_SOCKET: undefined }).consuming('a');
      expect(childrenOf(alone.child.pid)).toStrictEqual([]);
      expect(await alone.stop()).toBe(0);
    });
  });

  it('nothing where there is no systemd-notify: the log says so once, and jobs are worked', async () => {
    await withService(EMBEDDED('/usr/bin/touch done'), undefined, async ({ dir, ini, socket, start }) => {
      await mkdir(join(dir, 'bin'));
      await symlink('/usr/bin/mkfifo', join(dir, 'bin/mkfifo'));
      const daemon = start({ PATH: join(dir, 'bin') });
      await daemon.logged(/does not hear this daemon: there is no systemd-notify \(install it/);
      await submit(ini, 'a');
      await eventually(async () => (await readFile(join(dir, 'done'))) !== undefined, 'the job');
      expect(await daemon.stop()).toBe(0);
      expect(daemon.log.filter(({ msg }) => /does not hear/.test(msg))).toHaveLength(1);
      expect(socket.heard).toStrictEqual([]);
    });
  });
});

describe('a reload', () => {
  it('leaves the jobs of what it has removed their kill-grace, which a stop waits for', async () => {
    const mapped = (queues: string): string => EMBEDDED('true').replace('a:r', queues);
    const old =
      '[runner:old]\nrunner = shell!touch begun; until test -e go; do sleep 0.05; done\nkill-grace = 60s\n';
    await withService(mapped('a:r b:old') + old, undefined, async ({ dir, ini, socket, start }) => {
      const daemon = start();
      await socket.said(/^0 running$/);
      await submit(ini, 'b');
      await eventually(() => existsSync(join(dir, 'begun')), 'the job');
      await writeFile(ini, mapped('a:r'));
      await askAll<'reload'>(join(dir, 's'), { command: 'reload' }, 5_000);
      daemon.child.kill('SIGTERM');
      await eventually(() => socket.values('STOPPING').length > 0, 'the stop');
      const stopping = socket.heard.find(({ fields }) => 'STOPPING' in fields)?.fields;
      expect(stopping).toMatchObject({ EXTEND_TIMEOUT_USEC: String((30 + 2 * 60 + 20) * 1e6) });
      await writeFile(join(dir, 'go'), '');
      expect(await daemon.exited).toBe(0);
    });
  });

  it('is told when it begins and when it is over, whether it changes anything or not', async () => {
    await withService(EMBEDDED('true'), undefined, async ({ dir, ini, socket, start }) => {
      const daemon = start();
      await socket.said(/^0 running$/);
      const before = process.hrtime.bigint() / 1000n;
      await writeFile(ini, 'broken');
      await askAll<'reload'>(join(dir, 's'), { command: 'reload' }, 5_000);
      await eventually(() => socket.values('READY').length === 2, 'READY again');
      await writeFile(ini, EMBEDDED('false'));
      daemon.child.kill('SIGHUP');
      await eventually(() => socket.values('READY').length === 3, 'READY a third time');
      const phases = socket.heard.flatMap(({ fields }) =>
        Object.keys(fields).filter((field) => ['READY', 'RELOADING', 'MONOTONIC_USEC'].includes(field)),
      );
      const round = ['RELOADING', 'MONOTONIC_USEC', 'READY'];
      expect(phases).toStrictEqual(['READY', ...round, ...round]);
      const [since = ''] = socket.values('MONOTONIC_USEC');
      expect(BigInt(since)).toBeGreaterThan(before);
      expect(BigInt(since)).toBeLessThan(process.hrtime.bigint() / 1000n);
      expect(await daemon.stop()).toBe(0);
    });
  });
});

describe('the watchdog', () => {
  let requester: Requester;
  beforeAll(async () => {
    requester = await Requester.start(await amqpUrl());
  });
  afterAll(() => requester.stop());

  it('is fed twice in each interval, and not by a process that is stopped; on an abstract socket, too', async () => {
    const address = `@rbit-test-${randomUUID()}`;
    await withService(EMBEDDED('true'), address, async ({ socket, start }) => {
      const daemon = start();
      await socket.fed(6);
      const fed = socket.heard.filter(({ fields }) => 'WATCHDOG' in fields).map(({ atMs }) => atMs);
      const spanMs = (fed.at(-1) ?? 0) - (fed[0] ?? 0);
      expect(spanMs / (fed.length - 1)).toBeLessThan(0.75 * WATCHDOG_MS);
      daemon.child.kill('SIGSTOP');
      await eventually(() => socket.hungryMs > 2 * WATCHDOG_MS, 'hunger');
      daemon.child.kill('SIGCONT');
      await socket.fed(1);
      expect(await daemon.stop()).toBe(0);
    });
  });

  it('is not fed while a queue cannot be consumed and nothing is in hand, and is told why', async () => {
    const [good, missing] = [randomUUID(), randomUUID()];
    await requester.channel.assertQueue(good);
    const ini = `[rbit]\nqueue-mappings = ${good}:r ${missing}:r\nstate-dir = s\n[amqp]\nurl = ${requester.url}
declare = passive\nreconnect-max-delay = 500ms\n[runner:r]\nrunner = shell!until test -e go; do sleep 0.05; done\n`;
    await withService(ini, undefined, async ({ dir, socket, start }) => {
      const daemon = await start().consuming(good);
      const trouble = new RegExp(
        `^queue ${missing} cannot be consumed \\(.*\\); 0 running, 1 queue not consumed$`,
      );
      await socket.said(trouble);
      await eventually(() => socket.hungryMs > 2 * WATCHDOG_MS, 'hunger');
      await daemon.logged(new RegExp(`queue ${missing} cannot be consumed .*the watchdog is not fed`));

      requester.submit(good, {});
      await socket.said(/^1 running, 1 queue not consumed$/);
      await socket.fed(3);
      await writeFile(join(dir, 'go'), '');
      await eventually(() => socket.hungryMs > 2 * WATCHDOG_MS, 'hunger again');
      expect(socket.status).toMatch(trouble);

      await requester.channel.assertQueue(missing);
      await daemon.logged(/each queue is consumed or paused: the watchdog is fed again/);
      await socket.fed(3);
      expect(socket.status).toBe('0 running');
      expect(daemon.log.filter(({ msg }) => /is not fed,/.test(msg))).toHaveLength(1);
      expect(await daemon.stop()).toBe(0);
    });
    for (const queue of [good, missing]) await requester.channel.deleteQueue(queue);
  });
});
