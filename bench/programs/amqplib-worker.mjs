// The ceiling: what one would write on amqplib by hand, and nothing more.
//
//   node amqplib-worker.mjs URL QUEUE PREFETCH
//
// It decodes each job, says "started" without waiting, calls an async function, sends the final reply and acknowledges
// the job when that is confirmed. Properties and bodies are those that rbit-ts sends, but for their message ids. No TypeScript: what strips its types
// would cost this process 15 MB and a part of its start.

import { connect } from 'amqplib';

const [url = '', queue = '', prefetch = '1'] = process.argv.slice(2);

async function noop() {}

const connection = await connect(url, { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.prefetch(Number(prefetch));

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
  const reply = (body) => Buffer.from(JSON.stringify(body));
  const job = JSON.parse(message.content.toString());
  channel.publish('', replyTo, reply({ status: 'started' }), properties);
  await noop(job);
  channel.publish('', replyTo, reply({ status: 'completed' }), properties, (error) => {
    if (error === null) channel.ack(message);
    else channel.nack(message);
  });
}

await channel.consume(queue, (message) => {
  if (message !== null) void work(message);
});
process.on('SIGTERM', () => void connection.close().finally(() => process.exit(0)));
