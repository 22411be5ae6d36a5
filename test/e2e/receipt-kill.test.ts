import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { inspectEmbedded } from '../../src/broker/embedded/inspect.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { randomFrom } from '../support/random.ts';
import { Requester } from '../support/requester.ts';

const KILLS = Number(process.env['RBIT_TEST_KILLS'] ?? 20);
const JOBS_A_KILL = 5;

/** Jobs of every outcome; each run writes to a ledger of its own when it begins. */
const RUNNER = `
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Blocked, Failed } from 'rbit-ts';

export default async function work({ id, attempt, parameters }, { settings }) {
  appendFileSync(settings.ledger, id + '\\n');
  const { kind } = parameters;
  if (kind === 'slow') await wait(150);
  if (kind === 'failed') throw new Failed('no such thing');
  if (kind === 'blocked' && attempt === 1) throw new Blocked('not yet', { delay: '300ms' });
  if (kind === 'crash' && attempt === 1) throw new Error('an accident');
  return { kind };
}
`;

const KINDS = ['ok', 'slow', 'slow', 'slow', 'failed', 'blocked', 'crash', 'garbage'] as const;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

test(`after ${KILLS} kills at random instants each job that was acknowledged at its receipt has one final reply`, async () => {
  const seed = Number(process.env['RBIT_TEST_SEED'] ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  const requester = await Requester.start(await amqpUrl());
  cleanUps.push(() => requester.stop());
  const queues = ['fail', 'rerun'].map((onRestart) => `${onRestart}.${seed}`);
  const runner = (onRestart: string): string => `[runner:${onRestart}]
runner = module!work.mjs
concurrency = 3
threads = 1
ack = receipt
on-restart = ${onRestart}
crash-limit = 1000
retries = 1
retry-delay = 100ms
ledger = ledger.txt
`;
  const project = await makeProject(
    `[rbit]
queue-mappings = ${queues[0]}:fail ${queues[1]}:rerun
state-dir = state
[amqp]
url = ${await amqpUrl()}
${runner('fail')}${runner('rerun')}`,
    { 'work.mjs': RUNNER },
  );
  cleanUps.push(project.remove, async () => {
    for (const queue of queues) {
      await requester.channel.deleteQueue(queue);
      await requester.channel.deleteQueue(`${queue}.dead`);
    }
  });
  const ledger = join(project.dir, 'ledger.txt');
  writeFileSync(ledger, '');
  for (const queue of queues) await requester.channel.assertQueue(queue, { durable: true });

  const jobs = new Map<string, { kind: string; queue: string }>();
  function submit(): void {
    const id = `job-${jobs.size}`;
    const kind = KINDS[Math.floor(random() * KINDS.length)] ?? 'ok';
    const queue = queues[jobs.size % 2] ?? '';
    jobs.set(id, { kind, queue });
    const body = Buffer.from(kind === 'garbage' ? 'no JSON' : JSON.stringify({ parameters: { kind } }));
    requester.channel.sendToQueue(queue, body, {
      correlationId: id,
      replyTo: requester.replyTo,
      persistent: true,
      ...(random() < 0.5 ? { messageId: id } : {}),
    });
  }

  const start = (): TestDaemon => new TestDaemon([project.ini], { cwd: project.dir });
  let daemon = start();
  cleanUps.push(() => daemon.stop('SIGKILL'));
  for (let kill = 1; kill <= KILLS; kill += 1) {
    for (let job = 0; job < JOBS_A_KILL; job += 1) submit();
    // From the first message that it takes on, at any instant of what follows.
    await daemon.consuming(...queues);
    const ended = endedOf(requester) + Math.floor(random() * JOBS_A_KILL * 2);
    const patience = performance.now() + random() * 600;
    await eventually(
      () => endedOf(requester) >= ended || performance.now() > patience,
      'the moment of the kill',
    );
    await daemon.stop('SIGKILL');
    daemon = start();
  }
  await eventually(() => endedOf(requester) === jobs.size, `the end of all jobs (seed ${seed})`, 60_000);
  await daemon.consuming(...queues);
  expect(await daemon.stop()).toBe(0);

  const wrong = [...jobs].flatMap(([id, job]) => {
    const said = requester.replies.filter(({ properties }) => properties.correlationId === id);
    const finals = said.filter(({ body }) => body['status'] !== 'started');
    const starts = said.length - finals.length;
    const ids = new Set(finals.map(({ properties }) => properties.messageId as unknown));
    const isInOrder = starts === 0 || said[0]?.body['status'] === 'started';
    const isRight = finals.every(({ body }) => isRightEnd(job, body));
    return ids.size === 1 && starts <= 1 && isInOrder && isRight
      ? []
      : [{ id, ...job, said: said.map(({ body, properties }) => [body, properties.messageId]) }];
  });
  expect(wrong, `seed ${seed}`).toStrictEqual([]);

  // What must not be run again is not.
  const runs = readFileSync(ledger, 'utf8').split('\n').filter(Boolean);
  const most = (kind: string): number => (kind === 'blocked' || kind === 'crash' ? 2 : 1);
  const again = [...jobs].filter(
    ([id, { kind, queue }]) => queue === queues[0] && runs.filter((run) => run === id).length > most(kind),
  );
  expect(again, `seed ${seed}`).toStrictEqual([]);

  for (const queue of queues) {
    const { messageCount } = await requester.channel.checkQueue(queue);
    expect(messageCount, queue).toBe(0);
    const garbage = [...jobs.values()].filter((job) => job.queue === queue && job.kind === 'garbage');
    const dead = await requester.channel.checkQueue(`${queue}.dead`);
    // Published again where the kill came before the confirm was heard.
    expect(dead.messageCount, `dead letters of ${queue}, seed ${seed}`).toBeGreaterThanOrEqual(
      garbage.length,
    );
  }
  const found = inspectEmbedded(join(project.dir, 'state/receipts.sqlite'));
  const left = found !== undefined && 'queues' in found ? found.queues : undefined;
  expect(
    left?.filter(({ messages, delayed, delivered }) => messages + delayed + delivered > 0),
  ).toStrictEqual([]);
}, 180_000);

function isRightEnd(
  { kind, queue }: { kind: string; queue: string },
  body: Record<string, unknown>,
): boolean {
  const isRestart = queue.startsWith('fail') && /on-restart/.test(String(body['message']));
  if (kind === 'garbage')
    return body['status'] === 'failed' && /cannot be decoded/.test(String(body['message']));
  if (isRestart) return true;
  return kind === 'failed' ? body['message'] === 'no such thing' : body['status'] === 'completed';
}

/** How many jobs have been answered for good. */
function endedOf({ replies }: Requester): number {
  return new Set(
    replies
      .filter(({ body }) => body['status'] !== 'started')
      .map(({ properties }) => properties.correlationId as unknown),
  ).size;
}
