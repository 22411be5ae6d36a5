import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LogLine, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Rabbitmq, startRabbitmq } from '../support/rabbitmq.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/*
 * A RabbitMQ that takes a delivery back after two seconds without an acknowledgement and looks for such deliveries every
 * second, which is also how long a channel is idle before it sleeps: some of them then end twice. With RBIT_TEST_LONG=1
 * it is one minute, looked for as often as RabbitMQ does by default, and the long jobs take three minutes. One daemon
 * works all the queues of both types.
 */
const isLong = process.env['RBIT_TEST_LONG'] === '1';
const TIMEOUT_MS = isLong ? 60_000 : 2_000;
const LONG_JOB_MS = isLong ? 180_000 : 7_000;
const LIMIT_MS = LONG_JOB_MS + 30_000;
const TYPES = ['classic', 'quorum'] as const;
/** The reply, its confirm and the acknowledgement take 360 ms through the proxy: longer than from one of these to the next. */
const MOMENTS_MS = Array.from({ length: 8 }, (_, index) => TIMEOUT_MS - 400 + index * 150);

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };

let rabbitmq: Rabbitmq;
let proxy: TcpProxy;
let requester: Requester;
let project: Awaited<ReturnType<typeof makeProject>>;
let daemon: TestDaemon;
const queues = TYPES.flatMap((type) => [
  `slow.${type}`,
  `quick.${type}`,
  `two.${type}`,
  ...MOMENTS_MS.map((ms) => momentQueue(type, ms)),
]);

beforeAll(async () => {
  rabbitmq = await startRabbitmq({
    config: `consumer_timeout = ${TIMEOUT_MS}`,
    ...(isLong ? {} : { advancedConfig: '[{rabbit, [{channel_tick_interval, 1000}]}].' }),
  });
  proxy = await startTcpProxy({ port: rabbitmq.port });
  requester = await Requester.start(rabbitmq.url);
  const at = new URL(rabbitmq.url);
  at.port = String(proxy.port);
  const sections = queues.map(
    (queue) => `[queue:${queue}]
queue-type = ${queue.includes('quorum') ? 'quorum' : 'classic'}
[runner:${queue}]
runner = shell!echo %ID >> runs; sleep %{seconds}
concurrency = ${queue.startsWith('two') ? 2 : 1}
`,
  );
  project = await makeProject(`[rbit]
queue-mappings = ${queues.map((queue) => `${queue}:${queue}`).join(' ')}
log-level = debug
state-dir = state
[amqp]
url = ${at.href}
${sections.join('')}`);
  daemon = new TestDaemon([project.ini]);
  await eventually(
    () => queues.every((queue) => daemon.log.some(({ msg }) => msg === `consuming queue ${queue}`)),
    'consuming each queue',
    60_000,
  );
  proxy.delay(120);
}, 180_000);

afterAll(async () => {
  await daemon.stop('SIGKILL');
  await requester.stop();
  await proxy.close();
  await rabbitmq.stop();
  await project.remove();
});

function momentQueue(type: string, ms: number): string {
  return `moment.${type}.${ms}`;
}

/** Sends a job that takes so long, and returns its id. */
function submit(queue: string, ms: number): string {
  const correlationId = randomUUID();
  requester.submit(queue, { seconds: ms / 1000 }, { correlationId });
  return correlationId;
}

/** Waits until something was done with the message of each of these jobs, and checks that each ran once and was answered once. */
async function expectEachOnce(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await eventually(
      () => daemon.log.some(({ job, disposal }) => job === id && disposal !== undefined),
      `the end of ${id}`,
      LIMIT_MS,
    );
    await eventually(() => requester.statuses(id).some(isFinal), `the final reply to ${id}`);
    expectAnsweredOnce(id);
  }
  const runs = (await readFile(join(project.dir, 'runs'), 'utf8')).split('\n');
  expect(runs.filter((id) => ids.includes(id)).toSorted()).toStrictEqual(ids.toSorted());
}

function isFinal(reply: unknown): boolean {
  return !isDeepStrictEqual(reply, STARTED);
}

/** A message that was handed out on a channel that RabbitMQ had closed comes again as redelivered: then "started" is not said. */
function expectAnsweredOnce(id: string): void {
  const said = requester.statuses(id);
  expect(said).toStrictEqual(said.length === 1 ? [COMPLETED] : [STARTED, COMPLETED]);
}

/** What the daemon has said of a queue that it may not consume any more. */
function losses(lost: string): LogLine[] {
  return daemon.log.filter(({ queue, msg }) => queue === lost && /is not consumed/.test(msg));
}

describe.concurrent.each(TYPES)(
  "beyond RabbitMQ's acknowledgement timeout, on a %s queue,",
  (type) => {
    const [slow, quick, two] = [`slow.${type}`, `quick.${type}`, `two.${type}`];

    it('a job runs once and is answered once, with a line of the log for each timeout; other queues are not disturbed', async () => {
      const since = performance.now();
      const long = submit(slow, LONG_JOB_MS);
      await eventually(() => losses(slow).length > 0, 'the first timeout', LIMIT_MS);
      const short = submit(quick, 10);
      await expectEachOnce([short, long]);
      expect(requester.statuses(long)).toStrictEqual([STARTED, COMPLETED]);
      const told = losses(slow).map(({ msg }) => msg);
      expect(told.length).toBeLessThanOrEqual((performance.now() - since) / TIMEOUT_MS);
      const words = new RegExp(
        `acknowledgement timeout of ${isLong ? '1m' : '2s'}; it runs on.*check --connect`,
      );
      for (const msg of told) expect(msg).toMatch(words);
      const joins = daemon.log.filter(({ job, msg }) => job === long && /came again/.test(msg));
      // The job may end while its message is on its way back.
      expect(joins.length).toBeGreaterThanOrEqual(told.length - 1);
      expect(joins.length).toBeLessThanOrEqual(told.length);
      expect(losses(quick)).toStrictEqual([]);
    });

    it('so do its neighbours, which the same channel brought', async () => {
      const ids = [LONG_JOB_MS, ...Array.from({ length: 8 }, () => LONG_JOB_MS / 9)].map((ms) =>
        submit(two, ms),
      );
      await expectEachOnce(ids);
      expect(losses(two).length).toBeGreaterThan(0);
    });

    it.skipIf(isLong)(
      'so does one that ends at the very moment (left out with RBIT_TEST_LONG=1: each of its moments takes a minute)',
      async () => {
        const ids = MOMENTS_MS.map((ms) => submit(momentQueue(type, ms), ms));
        await expectEachOnce(ids);
        // What was done with a message, but not heard by the broker: the moment was met.
        const unheard = daemon.log.filter(
          ({ job, disposal }) =>
            ids.includes(String(job)) && typeof disposal === 'string' && disposal.includes('lost'),
        );
        expect(unheard.length).toBeGreaterThan(0);
      },
    );
  },
  LIMIT_MS + 30_000,
);

it('in the end each queue is empty, and nobody was answered twice', async () => {
  // An acknowledgement that was not heard is given when its message comes again.
  await eventually(
    async () => !/[1-9]/.test(await rabbitmq.ctl('list_queues', 'messages', '--no-table-headers')),
    'the end of all messages',
    30_000,
  );
  expect(daemon.log.filter(({ msg }) => msg.startsWith('no connection'))).toStrictEqual([]);
  expect(await daemon.stop()).toBe(0);
  for (const queue of queues) expect((await requester.channel.checkQueue(queue)).messageCount, queue).toBe(0);
  const ids = new Set(requester.replies.map(({ properties }) => String(properties.correlationId)));
  for (const id of ids) expectAnsweredOnce(id);
}, 60_000);
