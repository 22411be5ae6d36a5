// What an outage of RabbitMQ costs rbit-ts. How soon it works again: `npm run bench -- --only restart`.
//
//   npm run bench:recovery [-- --outage MINUTES]
//
// Twenty running jobs end while the broker is away for so many minutes: what the daemon's memory does meanwhile, and
// whether each job has run once and was answered once when the broker is back. Exit status 1 if one was not.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ChannelModel, connect } from 'amqplib';
import { makeProject, TestDaemon } from '../test/support/daemon.ts';
import { eventually } from '../test/support/eventually.ts';
import { type Rabbitmq, startRabbitmq } from '../test/support/rabbitmq.ts';
import { now } from './clock.ts';
import { startAgain } from './start-again.ts';

const { values } = parseArgs({
  options: {
    outage: { type: 'string', default: '1' },
  },
});
const outageMs = Number(values.outage) * 60_000;

const QUEUE = 'bench.recovery';
const REPLIES = 'bench.recovery.replies';
const RUNNING = 20;
const SAMPLE_MS = 250;
const BACK_LIMIT_MS = 120_000;

interface Reply {
  readonly id: string;
  readonly status: unknown;
}

interface Bench {
  readonly rabbitmq: Rabbitmq;
  readonly daemon: TestDaemon;
  /** Lines that the jobs have written: `MILLISECONDS-SINCE-1970 ID` at the start of each. */
  readonly starts: () => { atMs: number; id: string }[];
}

async function withBench(runner: string, use: (bench: Bench) => Promise<void>): Promise<void> {
  const rabbitmq = await startRabbitmq();
  const project = await makeProject(`[rbit]
queue-mappings = ${QUEUE}:r
state-dir = state
[amqp]
url = ${rabbitmq.url}
[runner:r]
runner = shell!echo $(date +%s%3N) %ID >> starts; sleep %{seconds}
${runner}`);
  const daemon = await new TestDaemon([project.ini]).consuming(QUEUE);
  const starts = (): { atMs: number; id: string }[] =>
    readText(join(project.dir, 'starts'))
      .split('\n')
      .filter(Boolean)
      .map((line) => ({ atMs: Number(line.split(' ')[0]), id: line.split(' ')[1] ?? '' }));
  try {
    await use({ rabbitmq, daemon, starts });
  } finally {
    await daemon.stop('SIGKILL');
    await rabbitmq.stop();
    await project.remove();
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function submit(rabbitmq: Rabbitmq, secondsOf: readonly number[]): Promise<void> {
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(REPLIES);
  for (const [index, seconds] of secondsOf.entries())
    channel.sendToQueue(QUEUE, Buffer.from(JSON.stringify({ seconds })), {
      persistent: true,
      correlationId: `job-${index}`,
      messageId: `job-${index}`,
      replyTo: REPLIES,
    });
  await channel.waitForConfirms();
  await connection.close();
  // RabbitMQ writes down that there is a queue a little after it has said so.
  await rabbitmq.ctl('eval', 'mnesia:dump_log(), mnesia:sync_log().');
}

/** Ends jobs during an outage; false when one of them has not run once and been answered once. */
async function measureOutage(): Promise<boolean> {
  let isRight = true;
  await withBench(`concurrency = ${RUNNING}\ntimeout = none\n`, async ({ rabbitmq, daemon, starts }) => {
    const lastMs = outageMs * 0.9;
    const lengths = Array.from({ length: RUNNING }, (_, index) => (lastMs * (index + 1)) / RUNNING / 1000);
    await submit(rabbitmq, lengths);
    await eventually(() => starts().length === RUNNING, 'the start of all jobs');
    // "started" is said and confirmed by then.
    await wait(1000);
    const before = residentKb(daemon);
    await rabbitmq.kill();
    let most = 0;
    const goneAt = performance.now();
    say(
      `  ${RUNNING} jobs run, the broker is killed for ${values.outage} min; the last job ends after ${lastMs / 1000} s`,
    );
    for (let told = 0; performance.now() - goneAt < outageMs; ) {
      most = Math.max(most, residentKb(daemon));
      await wait(SAMPLE_MS);
      const minutes = Math.floor((performance.now() - goneAt) / 60_000);
      if (minutes > told) say(`  ${minutes} min: ${mebibytes(residentKb(daemon))} MiB`);
      told = minutes;
    }
    const end = residentKb(daemon);
    const { connection, at: backAt } = await startAgain(rabbitmq);
    await connection.close();
    const { replies, lastMs: answeredMs } = await collectReplies(rabbitmq, backAt);
    const after = residentKb(daemon);
    const wrong = accountOf(starts(), replies);
    const left = await stopAndCount(daemon, rabbitmq);
    if (left !== 0) wrong.push(`${left} messages are left on the queue`);
    isRight = wrong.length === 0;
    say('\nmemory of the daemon (resident, MiB)');
    say('  before  highest  end of outage  after');
    const cells = [before, most, end, after].map(mebibytes);
    say(
      `  ${cells[0]?.padStart(6)}  ${cells[1]?.padStart(7)}  ${cells[2]?.padStart(13)}  ${cells[3]?.padStart(5)}`,
    );
    say(`\nlast final reply ${answeredMs} ms after the broker took a connection`);
    say(
      isRight ? `${RUNNING} jobs: each one run, one started, one final reply` : `WRONG: ${wrong.join('; ')}`,
    );
  });
  return isRight;
}

/** Reads replies until each job has its final one, and then some more, in case there are too many. */
async function collectReplies(
  rabbitmq: Rabbitmq,
  backAt: number,
): Promise<{ replies: readonly Reply[]; lastMs: number }> {
  const replies: Reply[] = [];
  let lastAt = backAt;
  const connection: ChannelModel = await connect(rabbitmq.url);
  const channel = await connection.createChannel();
  await channel.consume(
    REPLIES,
    (message) => {
      if (message === null) return;
      const { status } = JSON.parse(message.content.toString()) as { status?: unknown };
      replies.push({ id: String(message.properties.correlationId), status });
      if (status !== 'started') lastAt = now();
    },
    { noAck: true },
  );
  const finals = (): number => replies.filter(({ status }) => status !== 'started').length;
  await eventually(() => finals() >= RUNNING, 'the final replies', BACK_LIMIT_MS).catch(() => {});
  await wait(5000);
  await connection.close();
  return { replies, lastMs: Math.round(lastAt - backAt) };
}

/** What is not as it should be, a line each. */
function accountOf(starts: readonly { readonly id: string }[], replies: readonly Reply[]): string[] {
  const wrong: string[] = [];
  for (let index = 0; index < RUNNING; index += 1) {
    const id = `job-${index}`;
    const runs = starts.filter((start) => start.id === id).length;
    const said = replies.filter((reply) => reply.id === id).map(({ status }) => status);
    if (runs !== 1) wrong.push(`${id} ran ${runs} times`);
    if (said.join(' ') !== 'started completed') wrong.push(`${id} was told: ${said.join(' ') || 'nothing'}`);
  }
  return wrong;
}

async function stopAndCount(daemon: TestDaemon, rabbitmq: Rabbitmq): Promise<number> {
  await daemon.stop();
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(QUEUE);
  await connection.close();
  return messageCount;
}

/** Resident memory of the daemon's own process, without its jobs. */
function residentKb({ child }: TestDaemon): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readText(`/proc/${child.pid}/status`))?.[1] ?? Number.NaN);
}

function mebibytes(kb: number): string {
  return (kb / 1024).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

say('Jobs that end while the broker is away');
if (!(await measureOutage())) process.exitCode = 1;
