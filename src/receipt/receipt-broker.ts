import { EventEmitter } from 'node:events';
import type {
  Broker,
  BrokerEvents,
  Delivery,
  Message,
  Publication,
  SearchableBroker,
} from '../broker/broker.ts';
import { settledWithin } from '../broker/limit.ts';
import type { Announcer } from '../job/events.ts';
import type { Journal } from '../journal/journal.ts';
import { pumpDeadLetters } from './dead-letter-pump.ts';
import { createDoubts } from './doubts.ts';
import { createIntake } from './intake.ts';
import { createReceiptConsumer, type ReceiptConsumer } from './receipt-consumer.ts';
import { deadLettersOf } from './local-queues.ts';
import { createReplyPump } from './reply-pump.ts';
import { toStoredReply } from './stored-reply.ts';
import { tokenOf } from './token.ts';

/*
 * The broker port for jobs that are acknowledged at the receipt, on two brokers: the remote one, where the messages
 * come from and the replies go, and a local one on this host's disk, where the jobs are worked from.
 *
 *   remote ── intake ──→ local queue of the same name ──→ worker
 *   remote ←─ reply pump ────── "replies to send" ←──────── its replies, in the transaction that settles the job
 *   remote ←─ dead-letter pump ─ "dead letters of …" ←──── what cannot be worked
 */

/** How the queues of a receipt broker are treated. */
export interface ReceiptQueue {
  /** Name of its runner. */
  readonly runner: string;
  /** Name of its dead-letter queue at the remote broker. */
  readonly deadLetter: string;
}

export interface ReceiptOptions {
  readonly remote: Broker;
  /** On the disk, with `deadLettersOf` each queue as the name of its dead-letter queue. */
  readonly local: SearchableBroker;
  /** Outlives the daemon; knows of each message until its acknowledgement is certain. */
  readonly journal: Journal;
  readonly events: Announcer;
  /**
   * By name: those that are consumed here, and those whose dead letters may still be in the file. Looked up whenever one is
   * needed, so that more may come.
   */
  readonly queues: ReadonlyMap<string, ReceiptQueue>;
  /** As for `pumpDeadLetters`. */
  readonly copies: (message: Message) => readonly [Message, Message];
  /** Least time between "started" and the final reply, as it is configured at the moment. */
  readonly replyGapMs: () => number;
  /** How long a reply waits until it is known whether the message of its job was acknowledged. */
  readonly doubtMs?: number;
}

export interface ReceiptBroker extends Broker {
  /**
   * How many replies and dead letters lie on the disk, on their way to the remote broker, apart from those that it does
   * not take for now. Waits and rejects as `count` does.
   */
  unsent(signal: AbortSignal): Promise<number>;
  /** For an end that waits for nothing: what is in hand goes back without being counted as a crash. */
  abandon(limitMs: number): Promise<void>;
}

const OF_REMOTE = [
  'connection:wanted',
  'connection:open',
  'connection:lost',
  'connection:blocked',
  'connection:unblocked',
  'consumer:lost',
  'binding:refused',
  'queue:stuck',
  'delivery:unhandled',
  'output:lost',
] as const;
const OF_LOCAL = ['connection:wanted', 'connection:open', 'connection:lost', 'delivery:unhandled'] as const;

/** A broker on two brokers, which it starts and closes. */
export function createReceiptBroker(options: ReceiptOptions): ReceiptBroker {
  const { remote, local, journal, queues } = options;
  const events = new EventEmitter<BrokerEvents>().setMaxListeners(0);
  const closing = new AbortController();
  const deliveries = new WeakMap<Delivery, Delivery>();
  const consumers = new Set<ReceiptConsumer>();
  const doubts = createDoubts(journal, options.doubtMs);
  const pump = createReplyPump({ ...options, doubts });
  const pumped = new Set<string>();
  let isStarted = false;
  let closed: Promise<void> | undefined;

  for (const name of OF_REMOTE) forward(remote.events, events, name);
  for (const name of OF_LOCAL) forward(local.events, events, name);
  // Each job pauses and resumes the intake of its queue, which is nobody's business.
  forward(remote.events, events, 'consumer:open', ({ queue }) => {
    return [...consumers].every((consumer) => consumer.queue !== queue);
  });

  /** Once for each queue, and until the end: dead letters may wait for longer than their queue is worked. */
  function pumpFrom(queue: string): void {
    const first = queues.get(queue);
    if (first === undefined || pumped.has(queue)) return;
    pumped.add(queue);
    const facts = (): ReceiptQueue => queues.get(queue) ?? first;
    pumpDeadLetters({
      ...options,
      queue,
      get deadLetter() {
        return facts().deadLetter;
      },
      get runner() {
        return facts().runner;
      },
      closing: closing.signal,
    });
  }

  async function store(publication: Publication): Promise<void> {
    while ((await local.publish(publication)) === 'unroutable') await local.prepare(publication.routingKey);
  }

  async function publish(reply: Publication, settling?: Delivery): Promise<'routed'> {
    const job = settling && (deliveries.get(settling) ?? settling);
    const stored = toStoredReply(reply, job && tokenOf(job.message));
    const result = await local.publish(stored, job);
    if (result === 'unroutable') {
      // It is posted when the job is settled, and by then its queue has to be there.
      await local.prepare(stored.routingKey);
      if (settling === undefined) await store(stored);
    }
    return 'routed';
  }

  async function close(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    const part = (of: number): number => Math.ceil(Math.max(0, deadline - performance.now()) / of);
    const all = [...consumers];
    await settledWithin(Promise.all(all.map((consumer) => consumer.stop())), part(4));
    await settledWithin(Promise.all(all.map((consumer) => consumer.quiet())), part(4));
    await pump.flush(part(2));
    closing.abort();
    pump.close();
    await remote.close(part(2));
    // Last: what the remote broker has confirmed is taken off the disk.
    await local.close(part(1));
  }

  return {
    events,
    start() {
      if (closed !== undefined || isStarted) return;
      isStarted = true;
      remote.start();
      local.start();
      pump.start();
      for (const queue of queues.keys()) pumpFrom(queue);
    },
    prepare: (queue, signal) => remote.prepare(queue, signal),
    // Who asks wants to know of what was lost here, and that never was the remote broker's again.
    count: (queue, signal) => local.count(queue, signal),
    countConsumers: (queue, signal) => local.countConsumers(queue, signal),
    consume(queue, consumeOptions) {
      const { runner = '' } = queues.get(queue) ?? {};
      const intake = createIntake({
        ...options,
        runner,
        doubts,
        store,
        storeReply: async (reply) => void (await publish(reply)),
      });
      const consumer = createReceiptConsumer({
        ...consumeOptions,
        ...options,
        queue,
        intake,
        deliveries,
        onOpen: () => events.emit('consumer:open', { queue }),
        onSteady: (openedAtMs) => journal.expire(queue, openedAtMs),
        onGone: () => consumers.delete(consumer),
      });
      if (isStarted) pumpFrom(queue);
      consumers.add(consumer);
      if (closed !== undefined) void consumer.stop();
      return consumer;
    },
    writable: (signal) => local.writable(signal),
    publish,
    publishLoosely: (publication) => remote.publishLoosely(publication),
    close(limitMs) {
      closed ??= close(limitMs);
      return closed;
    },
    async unsent(signal) {
      let count = await pump.unsent(signal);
      for (const queue of queues.keys()) count += (await local.count(deadLettersOf(queue), signal)) ?? 0;
      return count;
    },
    abandon: (limitMs) => local.close(limitMs),
  };
}

function forward<Name extends keyof BrokerEvents>(
  from: EventEmitter<BrokerEvents>,
  to: EventEmitter<BrokerEvents>,
  name: Name,
  mayPass: (...fact: BrokerEvents[Name]) => boolean = () => true,
): void {
  const listener = (...fact: BrokerEvents[Name]): void => {
    if (mayPass(...fact)) to.emit(name, ...(fact as never));
  };
  from.on(name, listener as never);
}
