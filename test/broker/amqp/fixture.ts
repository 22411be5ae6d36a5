import { type Channel, connect, type ChannelModel } from 'amqplib';
import { createAmqpBroker } from '../../../src/broker/amqp/amqp-broker.ts';
import type { AmqpOptions, AmqpUrl } from '../../../src/broker/amqp/options.ts';
import type { Broker, QueueOptions } from '../../../src/broker/broker.ts';

/** The parts of an AMQP URL as the adapter takes them. */
export function urlParts(url: string, changes: Partial<AmqpUrl> = {}): AmqpUrl {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  return {
    protocol: protocol === 'amqps:' ? 'amqps' : 'amqp',
    hostname,
    port: port === '' ? (protocol === 'amqps:' ? 5671 : 5672) : Number(port),
    user: decodeURIComponent(username || 'guest'),
    password: decodeURIComponent(password || 'guest'),
    vhost: pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : '/',
    ...changes,
  };
}

/** Options that suit tests: short delays. */
export function amqpOptions(url: string | AmqpUrl, changes: Partial<AmqpOptions> = {}): AmqpOptions {
  return {
    name: 'rbit-ts-test',
    urls: [typeof url === 'string' ? urlParts(url) : url],
    heartbeatMs: 20_000,
    connectTimeoutMs: 5000,
    reconnectMaxDelayMs: 500,
    declare: 'if-missing',
    queues: new Map<string, QueueOptions>(),
    ...changes,
  };
}

/** Brokers and a plain connection to look behind them; all of it is closed by `close`. */
export interface AmqpFixture {
  /** A started broker with `queue` among its queues. */
  broker(changes?: Partial<AmqpOptions>): Broker;
  readonly connection: ChannelModel;
  readonly channel: Channel;
  close(): Promise<void>;
}

/** A fixture on a RabbitMQ. */
export async function openFixture(url: string): Promise<AmqpFixture> {
  const connection = await connect(url, { timeout: 10_000 });
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  const brokers: Broker[] = [];
  return {
    connection,
    channel,
    broker(changes) {
      const broker = createAmqpBroker(amqpOptions(url, changes));
      brokers.push(broker);
      broker.start();
      return broker;
    },
    async close() {
      await Promise.all(brokers.map((broker) => broker.close(5000)));
      await connection.close().catch(() => {});
    },
  };
}
