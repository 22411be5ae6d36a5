// The ceiling of a worker that promises of each job what rbit-ts promises: amqplib-worker.mjs with the least that each
// promise takes, and a second connection for the replies.
//
//   node journalled-worker.mjs URL QUEUE PREFETCH FILE here|threads|coprocesses [PYTHON]
//
// - A job that kills its worker was started: "started" leaves when it is written that the job begins, and before it does.
// - One that ended is not run again, though its message comes again: its end is written, with a print of the message, before
//   its reply leaves, and that it is being acknowledged before that is. It is kept until the ack is proven, by the answer to a
//   later request: an ack itself has none.
// - Its requester can tell a copy of a reply: by a message id.
// - It does not run for ever: a timer.
// - An alarm of the broker does not stop the acks: replies have a connection of their own.

import { hash, randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { connect } from 'amqplib';
import { openJournal } from './bare-journal.mjs';
import { ways } from './bare-ways.mjs';

const [url = '', queue = '', prefetch = '1', file = '', way = 'here', python = 'python3'] =
  process.argv.slice(2);

const run = ways[way](Number(prefetch), python);
const journal = openJournal(file);
const connection = await connect(url, { noDelay: true });
const channel = await connection.createChannel();
// RabbitMQ stops reading from a connection that publishes while it has an alarm: acknowledgements go another way.
const replies = await (await connect(url, { noDelay: true })).createConfirmChannel();
await channel.prefetch(Number(prefetch));

const STARTED = Buffer.from('{"status":"started"}');
const LIMIT_MS = 3_600_000;
const own = randomBytes(6).toString('base64url');
let last = 0;
let unproven = [];
let proving;

async function work(message) {
  const { replyTo, correlationId } = message.properties;
  last += 1;
  const id = last;
  const properties = (kind) => ({
    appId: 'noop',
    correlationId,
    messageId: `${own}${kind}${id}`,
    replyTo: 'log',
    contentType: 'application/json',
    persistent: true,
    mandatory: true,
  });
  const job = JSON.parse(message.content.toString());
  await journal.begun(id, printOf(message));
  replies.publish('', replyTo, STARTED, properties('s'));
  await turn();
  const limit = setTimeout(() => process.exit(1), LIMIT_MS);
  await run(job);
  clearTimeout(limit);
  const reply = Buffer.from(JSON.stringify({ status: 'completed' }));
  await journal.ended(id, reply);
  replies.publish('', replyTo, reply, properties('f'), (error) => {
    if (error === null) void settle(id, message);
    else channel.nack(message);
  });
}

async function settle(id, message) {
  await journal.acking(id);
  channel.ack(message);
  unproven.push(id);
  proving ??= prove();
}

/** A channel is worked in order: the answer to this, which changes nothing, says that the acks before it were read. */
async function prove() {
  while (unproven.length > 0) {
    const written = unproven;
    unproven = [];
    await channel.prefetch(Number(prefetch));
    for (const id of written) journal.forget(id);
  }
  proving = undefined;
}

function printOf({ properties: { correlationId, messageId, replyTo }, content }) {
  const head = JSON.stringify([queue, correlationId, messageId, replyTo]);
  return hash('sha256', Buffer.concat([Buffer.from(head), content]), 'hex');
}

await channel.consume(queue, (message) => {
  if (message !== null) void work(message);
});
process.on('SIGTERM', () => void connection.close().finally(() => process.exit(0)));
