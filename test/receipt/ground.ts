import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConsumeMessage } from 'amqplib';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import { bareCopyOf, copyOf } from '../../src/broker/amqp/copy.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type EmbeddedQueue, inspectEmbedded } from '../../src/broker/embedded/inspect.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { deadLettersOf } from '../../src/receipt/local-queues.ts';
import { createReceiptBroker, type ReceiptBroker } from '../../src/receipt/receipt-broker.ts';
import { type AmqpFixture, amqpOptions, openFixture, urlParts } from '../broker/amqp/fixture.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** One daemon's brokers. */
export interface Host {
  readonly receipts: ReceiptBroker;
  readonly local: Broker;
  readonly remote: Broker;
  /** What was announced of jobs and replies, as `name: …`. */
  readonly said: readonly string[];
}

/** A queue of RabbitMQ behind a proxy, a folder for the file, and hosts that share both. */
export interface Ground {
  readonly fixture: AmqpFixture;
  readonly proxy: TcpProxy;
  readonly queue: string;
  readonly deadLetter: string;
  /** Path of the file that its hosts share. */
  readonly file: string;
  /** Starts the brokers of one daemon. */
  host(options?: { journal?: Journal; declare?: 'if-missing' | 'passive'; doubtMs?: number }): Host;
  /** Puts messages on the queue; each is its own correlation id. */
  send(...bodies: readonly string[]): Promise<void>;
  /** Makes a reply queue; `heard` are the bodies that have come, in order. */
  replyQueue(): Promise<{ readonly name: string; readonly heard: readonly string[] }>;
  /** What is in the file, without what is empty. */
  stored(): EmbeddedQueue[];
  close(): Promise<void>;
}

export async function openGround(url: string): Promise<Ground> {
  const [fixture, proxy] = [await openFixture(url), await startTcpProxy({ port: urlParts(url).port })];
  const folder = mkdtempSync(join(tmpdir(), 'rbit-receipt-'));
  const file = join(folder, 'receipts.sqlite');
  const queue = `receipt.${randomUUID().slice(0, 8)}`;
  const deadLetter = `${queue}.dead`;
  const hosts: ReceiptBroker[] = [];
  const { channel } = fixture;
  await channel.assertQueue(queue, { durable: true });

  return {
    fixture,
    proxy,
    queue,
    deadLetter,
    file,
    host({ journal = createMemoryJournal(), declare = 'if-missing', doubtMs } = {}) {
      const said: string[] = [];
      const events = new EventEmitter<WorkEvents>();
      events.on('reply:dropped', ({ replyTo, status, isRepeated }) => {
        if (!isRepeated) said.push(`dropped: ${status} to ${replyTo}`);
      });
      events.on('settle:stuck', ({ reason }) => said.push(`stuck: ${reason}`));
      events.on('job:duplicate', ({ id }) => said.push(`duplicate: ${id}`));
      events.on('job:joined', ({ id }) => said.push(`joined: ${id}`));
      events.on('bug', ({ error }) => said.push(`bug: ${String(error)}`));
      const at = { ...urlParts(url), port: proxy.port };
      const remote = createAmqpBroker(
        amqpOptions(at, { heartbeatMs: 1000, reconnectMaxDelayMs: 100, declare }),
      );
      const facts = { bind: [], deadLetter: deadLettersOf(queue) };
      const local = createEmbeddedBroker({ file, exchange: 'none', queues: new Map([[queue, facts]]) });
      const receipts = createReceiptBroker({
        replyGapMs: () => 0,
        remote,
        local,
        journal,
        events,
        queues: new Map([[queue, { runner: 'work', deadLetter }]]),
        copies: (message) => [copyOf(message, {}), bareCopyOf(message, {})],
        ...(doubtMs === undefined ? {} : { doubtMs }),
      });
      hosts.push(receipts);
      receipts.start();
      return { receipts, local, remote, said };
    },
    async send(...bodies) {
      for (const body of bodies)
        channel.sendToQueue(queue, Buffer.from(body), { correlationId: body, persistent: true });
      await fixture.connection.createChannel().then((proof) => proof.close());
    },
    async replyQueue() {
      const heard: string[] = [];
      const { queue: name } = await channel.assertQueue('', { exclusive: true });
      const hear = (message: ConsumeMessage | null): void => {
        if (message !== null) heard.push(message.content.toString());
      };
      await channel.consume(name, hear, { noAck: true });
      return { name, heard };
    },
    stored() {
      const found = inspectEmbedded(file);
      const queues = found !== undefined && 'queues' in found ? found.queues : [];
      return queues.filter(({ messages, delayed, delivered }) => messages + delayed + delivered > 0);
    },
    async close() {
      proxy.resume();
      await Promise.all(hosts.map((host) => host.close(3000)));
      await channel.deleteQueue(queue);
      await channel.deleteQueue(deadLetter);
      await fixture.close();
      await proxy.close();
      rmSync(folder, { recursive: true });
    },
  };
}
