import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect } from 'vitest';
import type { Broker, MessageProperties, Publication, QueueOptions } from '../../../src/broker/broker.ts';

/** Makes a broker, not started, that shares its messages with all others that this function makes. */
export type MakeBroker = (queues: ReadonlyMap<string, QueueOptions>) => Broker | Promise<Broker>;

/** What a test of the contract stands on; new for each test. */
export interface Ground {
  readonly makeBroker: MakeBroker;
  /** The topic exchange that all brokers have. */
  readonly exchange: string;
  readonly queue: string;
  /** The dead-letter queue of `queue`. */
  readonly dead: string;
  /** Started, and knows `queue`. */
  readonly broker: Broker;
  /** A name that no other test has. */
  name(what: string): string;
  /** Another broker, started, that knows `queue` and what is named here. */
  open(queues?: Readonly<Record<string, Partial<QueueOptions>>>): Promise<Broker>;
  /** Puts another broker in the place of `broker`, which somebody has closed. */
  reopen(): Promise<Broker>;
  /** Has a broker closed after the test. */
  adopt(broker: Broker): void;
  /** Publishes to `queue` and waits for the confirm. */
  send(body: string | Buffer, properties?: Partial<MessageProperties>): Promise<void>;
}

/** A ground for the tests of the file that calls it. */
export function layGround(makeBroker: MakeBroker, exchange: string): Ground {
  const opened: Broker[] = [];
  let id: string;
  let queue: string;
  let broker: Broker;

  async function open(queues: Readonly<Record<string, Partial<QueueOptions>>> = {}): Promise<Broker> {
    const known = Object.entries({ [queue]: {}, ...queues }).map(
      ([name, facts]) => [name, { bind: [], deadLetter: `${name}.dead`, ...facts }] as const,
    );
    const made = await makeBroker(new Map(known));
    opened.push(made);
    made.start();
    return made;
  }

  beforeEach(async () => {
    id = randomUUID();
    queue = `contract.${id}`;
    broker = await open();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close(5000)));
  });

  return {
    makeBroker,
    exchange,
    get queue() {
      return queue;
    },
    get dead() {
      return `${queue}.dead`;
    },
    get broker() {
      return broker;
    },
    name: (what) => `${what}.${id}`,
    open,
    async reopen() {
      broker = await open();
      return broker;
    },
    adopt(one) {
      opened.push(one);
    },
    async send(body, properties) {
      await broker.writable(AbortSignal.timeout(10_000));
      expect(await broker.publish(to(queue, body, properties))).toBe('routed');
    },
  };
}

/** A publication to one queue. */
export function to(
  queue: string,
  body: string | Buffer = 'x',
  properties: Partial<MessageProperties> = {},
): Publication {
  return { exchange: '', routingKey: queue, body: Buffer.from(body), properties };
}

/** Publishes in order, and waits until all of it is confirmed. */
export async function publishAll(broker: Broker, queue: string, texts: readonly string[]): Promise<void> {
  await broker.writable(AbortSignal.timeout(10_000));
  for (let first = 0; first < texts.length; first += 1000) {
    const fates = texts.slice(first, first + 1000).map((body) => broker.publish(to(queue, body)));
    expect(new Set(await Promise.all(fates))).toEqual(new Set(['routed']));
  }
}

/** `count` different bodies. */
export function bodies(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** The text of a message. */
export function textOf({ message }: { readonly message: { readonly body: Buffer } }): string {
  return message.body.toString();
}

export const everyProperty: MessageProperties = {
  contentType: 'application/json',
  contentEncoding: 'identity',
  headers: { text: 'x', number: 7, big: 1234567890123, no: false, list: ['a', 1], table: { nested: 'y' } },
  persistent: true,
  priority: 3,
  correlationId: '54a5c3a1c8f7b9d2e4f6a8b0',
  replyTo: 'amq.gen-abc',
  messageId: 'm-1',
  timestamp: 1_420_000_000_000,
  type: 'job',
  appId: 'contract',
};
