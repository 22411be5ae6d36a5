// The ceiling of a worker that keeps a journal and runs its jobs apart: amqplib-worker.mjs with just these two added,
// a second connection, and the turn of the loop in which "started" leaves.
//
//   node journalled-worker.mjs URL QUEUE PREFETCH FILE here|threads|coprocesses [PYTHON]
//
// "started" goes out when it is written down that the job was begun, and before it begins; the final reply when its end is
// written down, and the acknowledgement when that is. With less, a job that kills its worker was never started, and one that
// ended is run again since its acknowledgement was lost.

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
const PRINT = '0123456789abcdef'.repeat(4);
let last = 0;

async function work(message) {
  const { replyTo, correlationId } = message.properties;
  const properties = {
    appId: 'noop',
    correlationId,
    replyTo: 'log',
    contentType: 'application/json',
    persistent: true,
    mandatory: true,
  };
  last += 1;
  const id = last;
  const job = JSON.parse(message.content.toString());
  await journal.begun(id, PRINT);
  replies.publish('', replyTo, STARTED, properties);
  await turn();
  await run(job);
  const reply = Buffer.from(JSON.stringify({ status: 'completed' }));
  await journal.ended(id, reply);
  replies.publish('', replyTo, reply, properties, (error) => {
    if (error === null) void settle(id, message);
    else channel.nack(message);
  });
}

async function settle(id, message) {
  await journal.acking(id);
  channel.ack(message);
  journal.forget(id);
}

await channel.consume(queue, (message) => {
  if (message !== null) void work(message);
});
process.on('SIGTERM', () => void connection.close().finally(() => process.exit(0)));
