import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { TestDaemon } from '../support/daemon.ts';
import { type Ini, type Reloading, startReloading } from './reloading.ts';

const QUEUES = 40;
const LIMIT_MS = 30_000;

const ECHO = fileURLToPath(new URL('../fixtures/coprocess/echo.sh', import.meta.url));
const FILES = { 'done.ts': 'export default (): string => "done";\n' };
const KINDS = [
  'shell!true',
  'exec!true',
  `coprocess!sh ${ECHO}`,
  'module!./done.ts\nthreads = 1',
  'module!./done.ts\nisolation = none',
];
const numbers = Array.from({ length: QUEUES }, (_, index) => index);

/** As many runners as queues, of all kinds; one has many jobs at once. */
function sections(more: string): string {
  const runners = numbers.map((n) => {
    const concurrency = n === 0 ? 15 : 1;
    return `[runner:r${n}]\nrunner = ${KINDS[n % KINDS.length]}\nconcurrency = ${concurrency}\n${more}`;
  });
  return `[http]\nlisten = 127.0.0.1:0\n${runners.join('\n')}`;
}

const mappings = (queue: (name: string) => string, name: string): Record<string, string> =>
  Object.fromEntries(numbers.map((n) => [queue(`${name}${n}`), `r${n}`]));

/** A job for each queue, and more for the first. */
function sendAll({ queue, mailbox }: Reloading, name: string): Promise<string[]> {
  return Promise.all([...numbers, ...numbers.map(() => 0)].map((n) => mailbox.send(queue(`${name}${n}`))));
}

async function allCompleted({ mailbox }: Reloading, ids: readonly string[]): Promise<void> {
  for (const id of ids) expect(await mailbox.answer(id, LIMIT_MS)).toMatchObject({ status: 'completed' });
}

const PLACES = [
  ['the embedded queue', async () => undefined, ''],
  ['RabbitMQ', amqpUrl, ''],
  ['RabbitMQ, with ack = receipt,', amqpUrl, 'ack = receipt\n'],
] as const;

describe.each(PLACES)('a daemon with 40 queues on %s', (_, urlOf, more) => {
  it('writes nothing to standard error, whether it reloads, is stopped, or ends by itself', {
    timeout: 3 * LIMIT_MS,
  }, async () => {
    const ini = (queue: (name: string) => string, name: string): Ini => ({
      mappings: mappings(queue, name),
      sections: sections(more),
    });
    const on = await startReloading(await urlOf(), (queue) => ini(queue, 'a'), FILES);
    await allCompleted(on, await sendAll(on, 'a'));
    if (more === '') {
      // Which queues are acknowledged at the receipt is decided at the start.
      await on.write(ini(on.queue, 'b'));
      expect(await on.reload()).toMatchObject({ kind: 'done' });
      await allCompleted(on, await sendAll(on, 'b'));
    }
    expect(await on.daemon.stop()).toBe(0);
    expect(on.daemon.stderr).toStrictEqual([]);

    const name = more === '' ? 'b' : 'a';
    for (const args of [['--once'], ['--max-jobs', String(2 * QUEUES)]]) {
      const ids = await sendAll(on, name);
      const daemon = new TestDaemon(['run', ...args, on.ini]);
      expect(await daemon.exited).toBe(0);
      expect(daemon.stderr).toStrictEqual([]);
      await allCompleted(on, ids);
    }
  });
});
