import { randomUUID } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { throughProxy, withQueue } from './one-queue.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let requester: Requester;

beforeAll(async () => {
  requester = await Requester.start(await amqpUrl());
}, 300_000);

afterAll(() => requester.stop());

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a stop', () => {
  it('has one deadline for all queues together, takes nothing new on any of them, and names what it ends', async () => {
    const queues = ['a', 'b', 'c'].map((name) => `drain.${name}.${randomUUID().slice(0, 8)}`);
    const project = await makeProject(`[rbit]
queue-mappings = ${queues.map((queue, index) => `${queue}:r${index}`).join(' ')}
shutdown-timeout = 2s
[amqp]
url = ${requester.url}
${queues.map((_, index) => `[runner:r${index}]\nrunner = shell!echo %ID >> runs; sleep 60\nkill-grace = 500ms`).join('\n')}
`);
    const daemon = await new TestDaemon([project.ini]).consuming(...queues);
    for (const queue of queues)
      for (const number of [1, 2])
        requester.submit(queue, {}, { correlationId: `${queue}-${number}`, persistent: true });
    const runs = async () => (await readFile(join(project.dir, 'runs'), 'utf8')).trim().split('\n').sort();
    await eventually(async () => (await runs()).length === 3, 'a run on each queue');
    const before = performance.now();
    expect(await daemon.stop()).toBe(0);
    expect(performance.now() - before).toBeLessThan(6_000);
    const running = queues.map((queue) => `${queue}-1`);
    expect(await runs()).toStrictEqual(running.toSorted());
    const named = daemon.log
      .filter(({ msg }) => /still runs after 2s/.test(msg))
      .map(({ job }) => String(job));
    expect(named.toSorted()).toStrictEqual(running.toSorted());
    for (const queue of queues) {
      const back = [await requester.take(queue), await requester.take(queue)];
      const [waiting, interrupted] = back.map(({ properties }) => properties);
      expect([waiting?.correlationId, interrupted?.correlationId]).toStrictEqual([
        `${queue}-2`,
        `${queue}-1`,
      ]);
      // Put back as it came: the run that was ended does not count.
      expect(interrupted?.headers).toMatchObject({ 'x-rbit-attempt': 1, 'x-rbit-started': true });
      await requester.channel.deleteQueue(queue);
    }
    await project.remove();
  });

  it('ends a job that ignores TERM, and an orphan that holds its pipes, within kill-grace and no longer', async () => {
    const command =
      'trap "" TERM; (setsid sh -c \'trap "" TERM; echo $$ > orphan; sleep 60\') & sleep 60; sleep 60';
    const options = { command, runner: 'kill-grace = 500ms', rbit: 'shutdown-timeout = 500ms' };
    await withQueue(requester, options, async ({ queue, dir, ini, runs }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      requester.submit(queue, {}, { persistent: true });
      await eventually(async () => (await runs()).length === 1, 'the run');
      const orphan = await eventually(
        async () => Number(await readFile(join(dir, 'orphan'), 'utf8')),
        'the orphan',
      );
      const before = performance.now();
      expect(await daemon.stop()).toBe(0);
      expect(performance.now() - before).toBeLessThan(6_000);
      // Ended, and collected by whoever is its parent now.
      await eventually(() => !isAlive(orphan), 'the end of the orphan', 5_000);
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(1);
    });
  });

  it('does not wait for an orphan that holds the pipes of a job that has ended', async () => {
    const command =
      '(setsid sh -c \'trap "" TERM; echo $$ > orphan; exec sleep 60\') & until test -s orphan; do :; done';
    await withQueue(requester, { command, runner: 'kill-grace = 300ms' }, async ({ queue, dir, ini }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId, persistent: true });
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      const before = performance.now();
      expect(await daemon.stop()).toBe(0);
      expect(performance.now() - before).toBeLessThan(4_000);
      process.kill(Number(await readFile(join(dir, 'orphan'), 'utf8')), 'SIGKILL');
    });
  });

  it.each(['refused', 'silent'] as const)(
    'works in the middle of a reconnect that is %s, with a job in hand: that is ended and comes again',
    async (kind) => {
      const proxy = await startTcpProxy({ port: Number(new URL(requester.url).port) });
      const options = {
        command: 'test -e again && exit 0; touch again; sleep 60',
        runner: 'kill-grace = 300ms',
        rbit: 'shutdown-timeout = 500ms',
        at: throughProxy(requester.url, proxy),
      };
      await withQueue(requester, options, async ({ queue, ini, runs }) => {
        const daemon = await new TestDaemon([ini]).consuming(queue);
        const correlationId = randomUUID();
        requester.submit(queue, {}, { correlationId, persistent: true });
        await eventually(async () => (await runs()).length === 1, 'the run');
        if (kind === 'silent') proxy.blackHole();
        if (kind === 'silent') proxy.cut();
        else proxy.refuse();
        await daemon.logged(/no connection/);
        const before = performance.now();
        expect(await daemon.stop()).toBe(0);
        expect(performance.now() - before).toBeLessThan(9_000);
        proxy.resume();
        const second = await new TestDaemon([ini]).consuming(queue);
        expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
        expect(await second.stop()).toBe(0);
      });
      await proxy.close();
    },
  );

  it.each([
    ['ended', 'true'],
    ['to be interrupted', 'sleep 60'],
  ])(
    'works while nothing can be published, with a job in hand that is %s: no bug, and it is answered later',
    async (_what, command) => {
      const proxy = await startTcpProxy({ port: Number(new URL(requester.url).port) });
      const name = `drain-${randomUUID().slice(0, 8)}`;
      const options = {
        command: `test -e again && exit 0; until test -e go; do sleep 0.05; done; touch again; ${command}`,
        runner: 'kill-grace = 300ms',
        rbit: `shutdown-timeout = 500ms\nname = ${name}`,
        at: throughProxy(requester.url, proxy),
      };
      await withQueue(requester, options, async ({ queue, dir, ini, runs }) => {
        const daemon = await new TestDaemon([ini]).consuming(queue);
        const correlationId = randomUUID();
        requester.submit(queue, {}, { correlationId, messageId: randomUUID(), persistent: true });
        await requester.heard(1, correlationId);
        await eventually(async () => (await runs()).length === 1, 'the run');
        proxy.cut(`${name} publish`);
        proxy.shut();
        await daemon.logged(/no connection \(publish\)/);
        await writeFile(join(dir, 'go'), '');
        await eventually(
          () => access(join(dir, 'again')).then(() => true),
          'the end of the run, or its last part',
        );
        const before = performance.now();
        expect(await daemon.stop()).toBe(0);
        expect(performance.now() - before).toBeLessThan(12_000);
        expect(daemon.log.filter(({ msg }) => msg.startsWith('bug'))).toStrictEqual([]);
        proxy.resume();
        const second = await new TestDaemon([ini]).consuming(queue);
        expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
        expect(await second.stop()).toBe(0);
        expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
      });
      await proxy.close();
    },
  );
});
