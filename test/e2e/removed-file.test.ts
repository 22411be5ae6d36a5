import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { askAll } from '../../src/control/client.ts';
import type { QueueStatus } from '../../src/job/status.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { openMailbox } from '../support/mailbox.ts';

const WAITS = 'echo %{parameters.name} >> runs; until test -e %{parameters.name}.go; do sleep 0.03; done';

let url: string;
beforeAll(async () => {
  url = await amqpUrl();
}, 60_000);

/** A daemon on one queue, a requester, and a job of it that runs. */
async function start(kind: 'embedded' | 'receipt') {
  const queue = `removed.${randomUUID().slice(0, 8)}`;
  const { dir, ini, remove } = await makeProject(`[rbit]
queue-mappings = ${queue}:waits
state-dir = state
${kind === 'receipt' ? `[amqp]\nurl = ${url}` : ''}
[http]
listen = 127.0.0.1:0
[runner:waits]
runner = shell!${WAITS}
${kind === 'receipt' ? 'ack = receipt' : ''}
`);
  onTestFinished(remove);
  const daemon = new TestDaemon([ini]);
  onTestFinished(async () => void (await daemon.stop()));
  await daemon.consuming(queue);
  const mailbox = await openMailbox(kind === 'receipt' ? url : join(dir, 'state/queue.sqlite'));
  onTestFinished(() => mailbox.stop());
  const send = (name: string): Promise<string> => mailbox.send(queue, { parameters: { name } });
  const runs = (): Promise<string> => readFile(join(dir, 'runs'), 'utf8').catch(() => '');
  const id = await send('one');
  await eventually(async () => (await runs()) === 'one\n', 'the run');
  await eventually(() => mailbox.heard.length === 1, 'its "started"');
  return {
    daemon,
    mailbox,
    id,
    send,
    runs,
    at: (name: string): string => join(dir, 'state', name),
    release: (name: string): Promise<void> => writeFile(join(dir, `${name}.go`), ''),
    async removeAll(which: RegExp): Promise<void> {
      const names = (await readdir(join(dir, 'state'))).filter((name) => which.test(name));
      for (const name of names) await rm(join(dir, 'state', name), { recursive: true });
    },
    async status(): Promise<QueueStatus | undefined> {
      const [asked] = await askAll<'status'>(join(dir, 'state'), { command: 'status' }, 10_000);
      return asked?.kind === 'answer' ? asked.answer.queues[0] : undefined;
    },
    async ready(): Promise<boolean> {
      const { msg } = await daemon.logged(/^page, health and metrics at/);
      return (await fetch(`${msg.slice('page, health and metrics at '.length)}/readyz`)).ok;
    },
  };
}

describe('a database file that is removed while a job is in hand', () => {
  it.each([
    ['of the embedded queue', 'embedded', /^queue\.sqlite(-wal|-shm)?$/],
    ['of the embedded queue with all that belongs to it', 'embedded', /^queue\.sqlite/],
    ['of what was received', 'receipt', /^receipts\.sqlite(-wal|-shm)?$/],
    ['of what was received, and the journal', 'receipt', /^(receipts|journal)\.sqlite/],
  ] as const)('%s: the job is answered, once, and the queue goes on', async (_which, kind, files) => {
    const on = await start(kind);
    await on.removeAll(files);
    await on.daemon.logged(/removed or replaced/);
    await eventually(() => on.ready(), 'being ready again');
    await on.release('one');
    expect(await on.mailbox.answer(on.id)).toMatchObject({ status: 'completed' });
    await on.release('two');
    const second = await on.send('two');
    expect(await on.mailbox.answer(second)).toMatchObject({ status: 'completed' });
    await on.daemon.logged(new RegExp(`^job ${second} of .* message acknowledged$`));
    await on.daemon.logged(new RegExp(`^job ${on.id} of .* message acknowledged$`));
    expect(await on.status()).toMatchObject({ state: 'consuming', running: 0, waiting: 0 });
    expect(await on.daemon.stop()).toBe(0);
    expect(on.mailbox.heard.map(({ id, status }) => [id, status])).toStrictEqual([
      [on.id, 'started'],
      [on.id, 'completed'],
      [second, 'started'],
      [second, 'completed'],
    ]);
    expect(await on.runs()).toBe('one\ntwo\n');
  });

  it('and cannot be made anew: what is said of the queue is so, and the job that ends meanwhile is answered later', async () => {
    const on = await start('embedded');
    await on.removeAll(/^queue\.sqlite(-wal|-shm)?$/);
    await mkdir(on.at('queue.sqlite'));
    await eventually(async () => !(await on.ready()), 'no longer being ready');
    expect(await on.status()).toMatchObject({ state: 'not-consumed', running: 1 });
    await on.release('one');
    await rm(on.at('queue.sqlite'), { recursive: true });
    expect(await on.mailbox.answer(on.id, 20_000)).toMatchObject({ status: 'completed' });
    await eventually(() => on.ready(), 'being ready again');
  });
});
