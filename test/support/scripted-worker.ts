import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';

/** Replies to say to the n-th job of a queue: objects are sent as JSON, strings as they are. */
export type Script = readonly (readonly unknown[])[];

/** A worker that answers each job with what a script says, acknowledged first as re-core's own workers do. */
export async function startScriptedWorker(
  connection: ChannelModel,
  queue: string,
  exchange: string,
  script: Script,
): Promise<Channel> {
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { exclusive: true });
  await channel.bindQueue(queue, exchange, queue);
  let job = 0;
  await channel.consume(queue, (message) => {
    if (message === null) return;
    channel.ack(message);
    for (const reply of script[job] ?? []) say(channel, message, reply);
    job += 1;
  });
  return channel;
}

function say(channel: Channel, { properties }: ConsumeMessage, reply: unknown): void {
  const content = Buffer.from(typeof reply === 'string' ? reply : JSON.stringify(reply));
  channel.sendToQueue(String(properties.replyTo), content, {
    correlationId: String(properties.correlationId),
  });
}
