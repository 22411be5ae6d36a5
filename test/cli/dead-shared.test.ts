import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { Broker, QueueOptions } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { amqpOptions } from '../broker/amqp/fixture.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject } from '../support/daemon.ts';
import { type Ended, eventsOf, linesOf, start } from './submit-project.ts';

describe.each(['RabbitMQ', 'the embedded broker'] as const)('dead on %s', (kind) => {
  const tag = randomUUID().slice(0, 8);
  const name = (of: string): string => `${of}.${tag}`;
  const [ma, mb, bill, graves, solo] = [name('ma'), name('mb'), name('bill'), name('graves'), name('solo')];
  let project: Awaited<ReturnType<typeof makeProject>>;
  let url: string | undefined;

  beforeAll(async () => {
    url = kind === 'RabbitMQ' ? await amqpUrl() : undefined;
    project = await makeProject(
      `[rbit]
queue-mappings = ${ma}:r ${mb}:r ${solo}:r
state-dir = state
${url === undefined ? '' : `[amqp]\nurl = ${url}\n`}
[queue:${ma}]
dead-letter = ${graves}
[queue:${mb}]
dead-letter = ${graves}
[runner:r]
runner = shell!true
`,
    );
  }, 300_000);
  afterAll(() => project.remove());

  async function withBroker<T>(work: (broker: Broker) => Promise<T>): Promise<T> {
    const queues = new Map<string, QueueOptions>(
      [ma, mb, solo, graves, `${solo}.dead`].map((queue) => [queue, { bind: [], deadLetter: `${queue}.x` }]),
    );
    const file = join(project.dir, 'state', 'queue.sqlite');
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const broker =
      url === undefined
        ? createEmbeddedBroker({ file, exchange: 'rbit', queues })
        : createAmqpBroker(amqpOptions(url, { queues }));
    broker.start();
    try {
      return await work(broker);
    } finally {
      await broker.close(5_000);
    }
  }

  /** Puts messages that died on one queue (undefined: nobody knows where) on a dead-letter queue. */
  async function bury(queue: string, letters: Readonly<Record<string, string | undefined>>): Promise<void> {
    await withBroker(async (broker) => {
      await broker.prepare(queue, AbortSignal.timeout(10_000));
      await broker.writable(AbortSignal.timeout(10_000));
      for (const [messageId, diedOn] of Object.entries(letters)) {
        const headers = diedOn === undefined ? {} : { 'x-rbit-queue': diedOn };
        const properties = { messageId, persistent: true, headers };
        await broker.publish({ exchange: '', routingKey: queue, body: Buffer.from('{}'), properties });
      }
    });
  }

  const countOf = (queue: string): Promise<number | undefined> =>
    withBroker((broker) => broker.count(queue, AbortSignal.timeout(10_000)));
  const dead = (command: string, queue: string, ...args: readonly string[]): Promise<Ended> =>
    start(process.execPath, [CLI, 'dead', command, queue, '-c', project.ini, ...args]).ended;
  const jobsOn = async (queue: string): Promise<unknown[]> =>
    eventsOf((await dead('list', queue, '--json')).stdout).map(({ job }) => job);

  it('acts only on what died on the queue that was asked for', async () => {
    await bury(graves, { 'ma-1': ma, 'mb-1': mb, 'bill-1': bill, 'lost-1': undefined, 'ma-2': ma });

    const listed = await dead('list', ma);
    expect(listed.code).toBe(0);
    expect(listed.stderr).toBe(
      `3 more on ${graves} are not known to have died on ${ma} (rbit-ts dead list ${graves} shows all)\n`,
    );
    const [head, ...rows] = linesOf(listed.stdout);
    expect(head).toMatch(/^id +died at +queue +runner +attempts +bytes +reason$/);
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toContain(` ${ma} `);
    expect(await jobsOn(ma)).toStrictEqual(['ma-1', 'ma-2']);
    const limited = await dead('list', ma, '--json', '--limit', '1');
    expect(eventsOf(limited.stdout)).toMatchObject([{ job: 'ma-1' }]);
    expect(limited.stderr).toContain(`1 shown, 5 on ${graves}; --limit 5 shows all\n`);

    const shown = await dead('show', ma, 'mb-1', '--json');
    expect(shown).toMatchObject({ code: 1, stdout: '' });
    expect(shown.stderr).toBe(`mb-1 died on ${mb}, not on ${ma} (rbit-ts dead list ${graves} shows all)\n`);
    expect(await dead('drop', ma, 'bill-1')).toMatchObject({ code: 1, stdout: '' });
    expect(await dead('retry', ma, 'ma-2')).toMatchObject({ code: 0 });
    expect(await dead('drop', ma, '--all', '--yes')).toMatchObject({
      code: 0,
      stdout: '1 dead letter dropped\n',
    });
    expect(await dead('list', ma)).toMatchObject({ code: 0, stdout: 'no dead letters\n' });
    expect(new Set(await jobsOn(graves))).toStrictEqual(new Set(['mb-1', 'bill-1', 'lost-1']));
    expect(await countOf(ma)).toBe(1);
  }, 60_000);

  it('puts back only on the queue that it died on, and says why another one is left', async () => {
    expect(await dead('retry', ma, '--all')).toMatchObject({ code: 0, stdout: '0 dead letters retried\n' });
    const retried = await dead('retry', graves, '--all');
    expect(retried).toMatchObject({ code: 1, stdout: '1 dead letter retried, 2 left\n' });
    expect(retried.stderr).toMatch(
      new RegExp(` stays where it is: died on ${bill}, which is not mapped here\n`),
    );
    expect(retried.stderr).toMatch(
      / stays where it is: nobody knows which of ma\.\S+ and mb\.\S+ it died on\n/,
    );
    expect([await countOf(ma), await countOf(mb), await countOf(graves)]).toStrictEqual([1, 1, 2]);
  }, 60_000);

  it('drops what died on any queue when asked for the dead-letter queue itself', async () => {
    expect(await dead('drop', graves, '--all', '--yes')).toMatchObject({
      code: 0,
      stdout: '2 dead letters dropped\n',
    });
    expect(await countOf(graves)).toBe(0);
  }, 60_000);

  it('takes what died nobody knows where for that of the only queue that leads there, and nothing else', async () => {
    await bury(`${solo}.dead`, { 'lost-1': undefined, 'bill-1': bill });
    expect(await jobsOn(solo)).toStrictEqual(['lost-1']);
    expect(await dead('retry', solo, '--all')).toMatchObject({ code: 0, stdout: '1 dead letter retried\n' });
    expect([await countOf(solo), await countOf(`${solo}.dead`)]).toStrictEqual([1, 1]);
  }, 60_000);

  it('says truthfully what would be dropped', async () => {
    await bury(graves, { 'ma-1': ma, 'mb-1': mb });
    const ask = async (queue: string): Promise<string> => {
      const words = [process.execPath, CLI, 'dead', 'drop', queue, '--all', '-c', project.ini];
      const line = words.map((word) => `'${word}'`).join(' ');
      return (await start('script', ['-qec', line, '/dev/null'], 'n\n').ended).stdout;
    };
    expect(await ask(ma)).toContain(
      `Drop the dead letters of ${ma} for good (2 are on ${graves}, those of other queues stay)? [y/N]`,
    );
    expect(await ask(graves)).toContain(`Drop all 2 dead letters on ${graves} for good? [y/N]`);
    expect(await countOf(graves)).toBe(2);
  }, 60_000);
});
