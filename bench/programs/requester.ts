// Sends jobs and counts what is answered, as a process of its own: what it costs is nobody's else.
//
//   node requester.ts URL     and then orders, over the channel of messages
//
// Jobs go to a durable queue of its own, `queue` of the first message; replies come to an exclusive one, without acks.
// At the end it deletes that queue, and `QUEUE.second` if somebody has made that.

import { setTimeout as wait } from 'node:timers/promises';
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { now } from '../clock.ts';

/** What it can be told to do. */
export type Order =
  /** Puts so many jobs on the queue, and says so; then tells when `warm` of them are answered, and when all are. */
  | { readonly order: 'fill'; readonly jobs: number; readonly warm: number }
  /** Puts so many empty messages on the queue, which ask for no reply, and says so. */
  | { readonly order: 'fill-empty'; readonly jobs: number }
  /** The same, but with no more than `window` jobs unanswered at any time. */
  | { readonly order: 'flow'; readonly jobs: number; readonly warm: number; readonly window: number }
  /** Says when somebody consumes the queue. */
  | { readonly order: 'watch' }
  /** One job at a time, so many times. */
  | { readonly order: 'ask'; readonly times: number };

/** What it tells. Moments are milliseconds of the clock that all processes share. */
export type Tale =
  | { readonly told: 'ready'; readonly queue: string }
  | { readonly told: 'filled' }
  | { readonly told: 'consumed' }
  | { readonly told: 'warm'; readonly at: number }
  | { readonly told: 'done'; readonly at: number }
  | {
      readonly told: 'asked';
      readonly answers: ReadonlyArray<{ readonly sent: number; readonly answered: number }>;
    };

const BODY = Buffer.from(
  '{"group":"bench","parameters":{"command":"noop","hosts":["localhost"]},"dynamic":{},"notify":{}}',
);
const CHUNK = 1000;
const WATCH_MS = 20;

function tell(tale: Tale): void {
  process.send?.(tale);
}

const connection = await connect(process.argv[2] ?? '', { noDelay: true });
const channel: ConfirmChannel = await connection.createConfirmChannel();
const queue = `bench.${process.pid}.${Date.now()}`;
await channel.assertQueue(queue, { durable: true });
const { queue: replyTo } = await channel.assertQueue('', { exclusive: true });

let onAnswer: () => void = () => {};
await channel.consume(replyTo, (message) => hear(message), { noAck: true });

function hear(message: ConsumeMessage | null): void {
  // Everything but {"status":"started"} is final, and no parsing is needed to tell.
  if (message !== null && message.content.indexOf('"started"') === -1) onAnswer();
}

let sentEver = 0;

function send(): void {
  sentEver += 1;
  channel.sendToQueue(queue, BODY, {
    persistent: true,
    contentType: 'application/json',
    correlationId: `job-${sentEver}`,
    replyTo,
  });
}

function sendEmpty(): void {
  channel.sendToQueue(queue, Buffer.alloc(0), { persistent: true });
}

async function fill(jobs: number, sendOne: () => void): Promise<void> {
  for (let sent = 0; sent < jobs; ) {
    for (const end = Math.min(jobs, sent + CHUNK); sent < end; sent += 1) sendOne();
    await channel.waitForConfirms();
  }
  tell({ told: 'filled' });
}

function flow(jobs: number, warm: number, window: number): void {
  let sent = 0;
  const sendNext = (): void => {
    sent += 1;
    send();
  };
  tellAbout(jobs, warm, () => {
    if (sent < jobs) sendNext();
  });
  while (sent < Math.min(window, jobs)) sendNext();
  tell({ told: 'filled' });
}

function tellAbout(jobs: number, warm: number, onEach = (): void => {}): void {
  let answered = 0;
  onAnswer = () => {
    answered += 1;
    onEach();
    if (answered === warm) tell({ told: 'warm', at: now() });
    if (answered === jobs) tell({ told: 'done', at: now() });
  };
}

async function watch(): Promise<void> {
  while ((await channel.checkQueue(queue)).consumerCount === 0) await wait(WATCH_MS);
  tell({ told: 'consumed' });
}

async function ask(times: number): Promise<void> {
  const answers: { sent: number; answered: number }[] = [];
  for (let time = 0; time < times; time += 1) {
    const { promise, resolve } = Promise.withResolvers<number>();
    onAnswer = () => resolve(now());
    const sent = now();
    send();
    answers.push({ sent, answered: await promise });
  }
  tell({ told: 'asked', answers });
}

async function carryOut(order: Order): Promise<void> {
  if (order.order === 'fill') {
    tellAbout(order.jobs, order.warm);
    await fill(order.jobs, send);
  } else if (order.order === 'fill-empty') await fill(order.jobs, sendEmpty);
  else if (order.order === 'flow') flow(order.jobs, order.warm, order.window);
  else if (order.order === 'watch') await watch();
  else await ask(order.times);
}

process.on('message', (order: Order) => void carryOut(order));
process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', () => {
  void Promise.all([queue, `${queue}.second`].map((one) => channel.deleteQueue(one)))
    .then(() => connection.close())
    .finally(() => process.exit(0));
});
tell({ told: 'ready', queue });
