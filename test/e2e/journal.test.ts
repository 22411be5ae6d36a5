import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
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

const byText = (a: unknown, b: unknown): number => JSON.stringify(a).localeCompare(JSON.stringify(b));

async function kill(daemon: TestDaemon): Promise<void> {
  daemon.child.kill('SIGKILL');
  await daemon.exited;
}

/** The folder that a project's daemon keeps its state in. */
async function stateDir(dir: string): Promise<string> {
  const above = join(dir, 'state', 'rbit-ts');
  const [name = ''] = await readdir(above);
  return join(above, name);
}

describe('a daemon that is killed', () => {
  it('after a job ended unheard: the next one answers it from the record, and does not run it again', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(requester.url).port) });
    const at = throughProxy(requester.url, proxy);
    const command = 'until test -e go; do sleep 0.05; done';
    await withQueue(requester, { command, at }, async ({ queue, dir, ini, runs }) => {
      const first = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId, persistent: true });
      await eventually(async () => (await runs()).length === 1, 'the run');
      proxy.refuse();
      await writeFile(join(dir, 'go'), '');
      await first.logged(/the reply waits/);
      await kill(first);
      proxy.resume();
      const second = await new TestDaemon([ini]).consuming(queue);
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      await second.logged(/completed.*acknowledged/);
      expect(await second.stop()).toBe(0);
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
      expect(requester.statuses(correlationId)).toStrictEqual([STARTED, COMPLETED]);
      expect(await runs()).toHaveLength(1);
    });
    await proxy.close();
  });

  it('with two equal messages in hand, as re-core sends for two steps: the one that had not ended runs', async () => {
    const command = 'mkdir first 2>/dev/null && exit 0; test -e go || sleep 60';
    await withQueue(requester, { command, runner: 'concurrency = 2' }, async ({ queue, dir, ini, runs }) => {
      const first = await new TestDaemon([ini]).consuming(queue);
      const correlationId = randomUUID();
      for (let step = 1; step <= 2; step += 1)
        requester.submit(queue, { parameters: { command: 'deploy' } }, { correlationId, persistent: true });
      await first.logged(/completed.*acknowledged/);
      await eventually(async () => (await runs()).length === 2, 'both runs');
      await kill(first);
      await writeFile(join(dir, 'go'), '');
      const second = await new TestDaemon([ini]).consuming(queue);
      await second.logged(/completed.*acknowledged/);
      expect(await runs()).toHaveLength(3);
      const replies = await requester.heard(4, correlationId);
      expect(replies.toSorted(byText)).toStrictEqual([COMPLETED, COMPLETED, STARTED, STARTED]);
      expect(await second.stop()).toBe(0);
      expect((await requester.channel.checkQueue(queue)).messageCount).toBe(0);
    });
  });

  it('by the first thing that a job does: its requester has heard that it was started', async () => {
    const queue = `suicide.${randomUUID().slice(0, 8)}`;
    const project = await makeProject(
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${requester.url}
[runner:r]\nrunner = module!die.mjs\nisolation = none\ncrash-limit = 1\n`,
      { 'die.mjs': "export default () => process.kill(process.pid, 'SIGKILL');\n" },
    );
    try {
      const first = await new TestDaemon([project.ini]).consuming(queue);
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId, persistent: true });
      await first.exited;
      const second = new TestDaemon([project.ini]);
      expect(await requester.heard(2, correlationId)).toMatchObject([STARTED, { status: 'failed' }]);
      expect(await second.stop()).toBe(0);
    } finally {
      await project.remove();
      for (const name of [queue, `${queue}.dead`]) await requester.channel.deleteQueue(name);
    }
  });

  it.each(['RabbitMQ', 'embedded'] as const)(
    'by a job: it runs crash-limit times, then its message is kept and its requester told (%s)',
    async (broker) => {
      const options = {
        command: 'kill -9 $PPID',
        runner: 'crash-limit = 2',
        ...(broker === 'embedded' ? { at: 'embedded' } : {}),
      };
      await withQueue(requester, options, async ({ queue, dir, ini, runs }) => {
        const correlationId = randomUUID();
        if (broker === 'RabbitMQ') {
          const daemon = await new TestDaemon([ini]).consuming(queue);
          requester.submit(queue, {}, { correlationId, persistent: true });
          await daemon.exited;
        } else {
          await promisify(execFile)(process.execPath, [CLI, 'submit', queue, '-c', ini], {
            env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') },
          });
          await new TestDaemon([ini]).exited;
        }
        await new TestDaemon([ini]).exited;
        const last = await new TestDaemon([ini]).consuming(queue);
        const end = await last.logged(/the daemon died 2 times while it ran this job.*dead-lettered/, 15_000);
        expect(end.outcome).toBe('failed');
        expect(await runs()).toHaveLength(2);
        expect(await last.stop()).toBe(0);
        if (broker === 'embedded') return;
        expect(await requester.heard(2, correlationId)).toMatchObject([STARTED, { status: 'failed' }]);
        const { properties } = await requester.take(`${queue}.dead`);
        expect(properties.headers).toMatchObject({ 'x-rbit-attempt': 1, 'x-rbit-queue': queue });
        await requester.channel.deleteQueue(`${queue}.dead`);
      });
    },
  );
});

describe('a journal that cannot be written', () => {
  it('pauses every queue, so that jobs stay with the broker, and work goes on when it can', async () => {
    await withQueue(requester, { command: ':' }, async ({ queue, dir, ini, runs }) => {
      const daemon = await new TestDaemon([ini]).consuming(queue);
      const folder = await stateDir(dir);
      await rm(folder, { recursive: true });
      await writeFile(folder, 'in its place');
      await daemon.logged(/the journal cannot be written: .*all queues are paused/, 15_000);
      await eventually(
        async () => (await requester.channel.checkQueue(queue)).consumerCount === 0,
        'the pause',
      );
      const correlationId = randomUUID();
      requester.submit(queue, {}, { correlationId, persistent: true });
      await eventually(
        async () => (await requester.channel.checkQueue(queue)).messageCount === 1,
        'the message, with the broker',
      );
      await rm(folder);
      await mkdir(folder);
      expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
      expect(await runs()).toHaveLength(1);
      expect(await daemon.stop()).toBe(0);
    });
  });
});
