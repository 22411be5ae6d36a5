import type { QueueOptions } from '../broker.ts';

/** What the adapter has to know; times in milliseconds. */
export interface AmqpOptions {
  /** Who connects: shown by RabbitMQ as connection name, followed by what the connection is for. */
  readonly name: string;
  /** At least one; tried in turn. */
  readonly urls: readonly AmqpUrl[];
  readonly tls?: TlsOptions;
  /** 0 turns heartbeats off; otherwise rounded to whole seconds, at least one. RabbitMQ may ask for less. */
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  readonly reconnectMaxDelayMs: number;
  /** The topic exchange that queues are bound to and output goes to. */
  readonly exchange?: string;
  /**
   * `if-missing`: look passively, then declare a durable queue (or exchange) that is not there, and bind.
   * `passive` looks and `no` does not even look; both leave queues, bindings and the exchange to the
   * administrator. Wait queues of delayed requeues are this program's own and are declared in every case.
   */
  readonly declare: 'if-missing' | 'passive' | 'no';
  /** Type of the queues that are declared, where the queue itself names none; the broker's own default when absent. */
  readonly queueType?: string;
  /** Facts of queues by name, looked up whenever they are needed. */
  readonly queues: ReadonlyMap<string, QueueOptions>;
}

/** An AMQP URL in parts, all of them plain text (nothing percent-encoded). */
export interface AmqpUrl {
  readonly protocol: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
}

/** PEM files' contents, and the name to expect in the broker's certificate if that is not the host's. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** The URL for people: without user and password. */
export function urlText(url: AmqpUrl): string {
  const vhost = url.vhost === '/' ? '' : `/${url.vhost}`;
  return `${url.protocol}://${url.hostname.includes(':') ? `[${url.hostname}]` : url.hostname}:${url.port}${vhost}`;
}
