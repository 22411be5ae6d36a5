import { readFile } from 'node:fs/promises';
import type { AmqpOptions } from '../broker/amqp/options.ts';
import type { QueueOptions } from '../broker/broker.ts';
import type { AmqpConfig, Config } from '../config/config.ts';

/** What the RabbitMQ adapter has to know, out of the whole configuration; certificate files are read here. */
export async function amqpOptions(
  { rbit }: Config,
  amqp: AmqpConfig,
  queues: ReadonlyMap<string, QueueOptions>,
): Promise<AmqpOptions> {
  const [ca, cert, key] = await Promise.all([amqp.ca, amqp.cert, amqp.key].map(readOptional));
  const { servername, exchange, queueType } = amqp;
  return {
    name: rbit.name,
    urls: amqp.urls,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
    },
    heartbeatMs: amqp.heartbeatMs,
    connectTimeoutMs: amqp.connectTimeoutMs,
    reconnectMaxDelayMs: amqp.reconnectMaxDelayMs,
    declare: amqp.declare,
    ...(exchange === undefined ? {} : { exchange }),
    ...(queueType === undefined ? {} : { queueType }),
    queues,
  };
}

async function readOptional(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : readFile(path);
}
