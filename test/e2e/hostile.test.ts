import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { amqpPublish } from '../support/install.ts';
import { Requester } from '../support/requester.ts';

const run = promisify(execFile);
const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let url: string;
let requester: Requester;
let daemon: TestDaemon;
let remove: () => Promise<void>;
const tag = randomUUID().slice(0, 8);
const [good, bad] = [`good.${tag}`, `bad.${tag}`];

beforeAll(async () => {
  url = await amqpUrl();
  requester = await Requester.start(url);
  const project = await makeProject(`[rbit]
queue-mappings = ${good}:r ${bad}:blocked
log-level = debug
[amqp]
url = ${url}
[runner:r]
runner = shell!true
[runner:blocked]
runner = shell!test "$RBIT_ATTEMPT" = 2 || exit 75
blocked-delay = 100ms
`);
  remove = project.remove;
  daemon = await new TestDaemon([project.ini]).consuming(good, bad);
}, 300_000);

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  await remove();
  for (const queue of [good, bad, `${bad}.dead`, `${good}.dead`]) await requester.channel.deleteQueue(queue);
  await requester.stop();
});

/** A job behind the hostile message shows that its queue, or another one, goes on. */
async function goesOn(queue: string): Promise<void> {
  const correlationId = randomUUID();
  requester.submit(queue, {}, { correlationId });
  expect(await requester.heard(2, correlationId)).toStrictEqual([STARTED, COMPLETED]);
}

describe('a message that hurts', () => {
  it('by headers that are nested deeper than a stack: its job runs, and every queue goes on', async () => {
    const program = `
      const { connect } = await import('amqplib');
      const connection = await connect(process.argv[1]);
      const channel = await connection.createConfirmChannel();
      let headers = {};
      for (let depth = 0; depth < 4000; depth += 1) headers = { a: headers };
      channel.sendToQueue(process.argv[2], Buffer.from('{}'), { headers });
      await channel.waitForConfirms();
      await connection.close();`;
    const sender = spawn(
      process.execPath,
      ['--stack-size=6000', '--input-type=module', '-e', program, url, good],
      {
        stdio: 'inherit',
      },
    );
    expect((await once(sender, 'exit'))[0]).toBe(0);
    await goesOn(good);
    await goesOn(bad);
    expect(daemon.log.filter(({ msg }) => msg.includes('no connection'))).toStrictEqual([]);
  });

  it('by headers that cannot be sent again: it goes back, and is kept, without them', async () => {
    const publish = await amqpPublish();
    const lines = daemon.log.length;
    for (const body of ['{}', 'junk']) {
      await run(publish, [
        `--url=${url}`,
        `--routing-key=${bad}`,
        `--header=big: ${'x'.repeat(66_000)}`,
        `--body=${body}`,
      ]);
    }
    await eventually(
      () => daemon.log.slice(lines).some(({ attempt, outcome }) => attempt === 2 && outcome === 'completed'),
      'the second run',
    );
    const dead = await requester.take(`${bad}.dead`);
    expect(dead.content.toString()).toBe('junk');
    expect(dead.properties.headers).toMatchObject({ 'x-rbit-dropped': true, 'x-rbit-queue': bad });
    await goesOn(bad);
  });

  it('by its size or its depth: it is answered, and its queue goes on', async () => {
    const correlationId = randomUUID();
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    requester.submit(good, `{"parameters": {"deep": ${deep}}}`, { correlationId });
    requester.submit(good, `{"parameters": ${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}}`, {
      correlationId,
    });
    const replies = await requester.heard(2, correlationId);
    expect(replies.length).toBeGreaterThanOrEqual(2);
    await goesOn(good);
  });
});

describe('a reply', () => {
  it('to a queue that is full waits until it is not', async () => {
    const { queue } = await requester.channel.assertQueue('', {
      exclusive: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    const lines = daemon.log.length;
    requester.submit(good, {}, { replyTo: queue, correlationId: 'full' });
    const ended = (): boolean =>
      daemon.log.slice(lines).some(({ job, outcome }) => job === 'full' && outcome !== undefined);
    expect(JSON.parse((await requester.take(queue)).content.toString())).toStrictEqual(STARTED);
    expect(JSON.parse((await requester.take(queue)).content.toString())).toStrictEqual(COMPLETED);
    await eventually(ended, 'the end of the job');
  });
});
