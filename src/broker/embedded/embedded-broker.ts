import { EventEmitter } from 'node:events';
import { createCommitter } from '../../sqlite/committer.ts';
import { openDatabase } from '../../sqlite/open-database.ts';
import type { BrokerEvents, Delivery, Publication, SearchableBroker } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { settledWithin } from '../limit.ts';
import { createConsumer, type EmbeddedConsumer } from './consumer.ts';
import { declareQueue } from './declare-queue.ts';
import { EmbeddedDelivery } from './delivery.ts';
import { createFloodGate } from './flood-gate.ts';
import { createHousekeeper, forgetOwner } from './housekeeper.ts';
import type { EmbeddedOptions } from './options.ts';
import { destinations, pack, post } from './parcel.ts';
import { enter, enterAlone, type Presence } from './presence.ts';
import type { ListedQueue } from './queue-table.ts';
import { queueSchema } from './schema.ts';
import { type Changes, type Tables, tablesOf } from './tables.ts';

/*
 * The broker port on one SQLite file, which any number of processes share.
 *
 *   committer    what is written in one turn of the event loop, or a few, is one transaction
 *   presence     who holds messages, and whether it still lives; wakes others and is awakened
 *   consumer     claims messages when there may be some
 *   housekeeper  delayed messages, owners that have gone, the size of the file
 */

/** A statement that waits blocks the event loop; the committer waits without. */
const BUSY_TIMEOUT_MS = 5;
const PURPOSE = 'embedded queue';

/** A broker that is a SQLite file; nothing is opened before `start`. */
export function createEmbeddedBroker({ file, exchange, queues: facts }: EmbeddedOptions): SearchableBroker {
  const events = new EventEmitter<BrokerEvents>().setMaxListeners(0);
  const consumers = new Set<EmbeddedConsumer>();
  /** By id; also of consumers that have stopped. */
  const inHand = new Map<number, EmbeddedDelivery>();
  const isFlooded = createFloodGate();
  let presence: Presence | undefined;
  let isStarted = false;
  let closed: Promise<void> | undefined;

  const committer = createCommitter({
    file: () => file,
    tablesOf,
    forget: ({ queues }) => queues.forget(),
    noChanges: (): Changes => ({ ready: new Set(), delayed: new Set() }),
    onLeave() {
      const last = committer.read(({ queues }) => queues.list()) ?? [];
      return (tables, changes) => moveInto(tables, changes, last);
    },
    errorOf: (kind, message) =>
      kind === 'refused'
        ? new BrokerError('refused', message)
        : new BrokerError('unavailable', 'the broker is closed'),
    open() {
      const database = openDatabase(file, queueSchema, { busyTimeoutMs: BUSY_TIMEOUT_MS });
      try {
        presence ??= file === ':memory:' ? enterAlone() : enter(file, wake);
      } catch (error) {
        database.close();
        throw error;
      }
      return database;
    },
    onOpen() {
      events.emit('connection:open', { purpose: PURPOSE, url: file });
      housekeeper.start();
    },
    onLost: (reason, retryInMs) => events.emit('connection:lost', { purpose: PURPOSE, reason, retryInMs }),
    onCommitted,
  });
  const housekeeper = createHousekeeper(committer, () => presence, lookAround);

  /**
   * Another file has taken the place of the last one: the queues of that are here as well, so that whoever has not seen it
   * yet is not missed, and what is in hand stays so.
   */
  function moveInto(tables: Tables, { ready }: Changes, last: readonly ListedQueue[]): void {
    const { messages, queues } = tables;
    const owner = presence?.name ?? '';
    // In a copy of the last one, what this broker had in hand when it was made is nobody's.
    for (const queue of messages.releaseAll(owner, false)) ready.add(queue);
    queues.forgetConsumers(owner);
    queues.restore(last);
    for (const consumer of consumers) consumer.moveInto(tables);
    for (const delivery of inHand.values()) delivery.moveInto(tables);
    const left = [...inHand.values()].filter(({ isLost }) => !isLost);
    inHand.clear();
    for (const delivery of left) inHand.set(delivery.id, delivery);
  }

  function onCommitted({ ready, delayed }: Changes): void {
    if (ready.size + delayed.size === 0) return;
    for (const consumer of consumers) consumer.awaken(ready);
    if (delayed.size > 0) housekeeper.watchDue();
    const others = new Set<string>();
    for (const queue of new Set([...ready, ...delayed])) {
      for (const other of committer.read(({ queues }) => queues.consumersOf(queue)) ?? []) others.add(other);
    }
    for (const other of others) if (other !== presence?.name) presence?.wake(other);
  }

  function wake(): void {
    lookAround();
    housekeeper.watchDue();
  }

  function lookAround(): void {
    for (const consumer of consumers) consumer.lookAround();
  }

  async function publish(publication: Publication, settling?: Delivery): Promise<'routed' | 'unroutable'> {
    if (!committer.isOpen) throw new BrokerError('unavailable', `${file} cannot be written now`);
    const parcel = pack(publication, exchange);
    const toOutcome = (isRouted: boolean | undefined) => (isRouted === true ? 'routed' : 'unroutable');
    if (settling instanceof EmbeddedDelivery && settling.isFrom(committer) && settling.attach(parcel))
      return toOutcome(committer.read((tables) => destinations(parcel, tables).length > 0));
    const isRouted = await committer.commit({
      mustLast: true,
      bytes: parcel.body.length,
      work: (tables, changes) => post(parcel, tables, changes),
    });
    return toOutcome(isRouted);
  }

  function publishLoosely(publication: Publication): boolean {
    if (!committer.hasRoom) return false;
    const parcel = pack(publication, exchange);
    const { length: bytes } = parcel.body;
    const open = committer.read((tables) =>
      destinations(parcel, tables).filter((queue) => !isFlooded(queue, bytes, tables)),
    );
    // Most lines of output are heard by nobody: they are not to cost a transaction.
    if (open === undefined || open.length === 0) return true;
    const work = (tables: Tables, changes: Changes): boolean =>
      post(parcel, tables, changes, (queue) => open.includes(queue));
    committer.commit({ mustLast: false, bytes, work }).catch(() => {});
    return true;
  }

  async function close(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    const leftMs = (): number => Math.max(0, deadline - performance.now());
    for (const consumer of consumers) void consumer.stop();
    if (isStarted) {
      const goodbye = committer.commit({
        mustLast: false,
        work: (tables, changes) => {
          if (presence !== undefined) forgetOwner({ owner: presence.name, crashed: false }, tables, changes);
        },
      });
      await settledWithin(goodbye, leftMs());
    }
    housekeeper.stop();
    committer.close();
    // Last: who sees it gone puts back what it could not put back itself.
    presence?.leave();
  }

  return {
    events,
    start() {
      if (closed !== undefined || isStarted) return;
      isStarted = true;
      events.emit('connection:wanted', { purpose: PURPOSE });
      committer.start();
    },
    async prepare(queue, signal) {
      await committer.writable(signal);
      const work = ({ queues }: Tables): number =>
        declareQueue(queues, queue, facts.get(queue), presence?.name ?? '');
      await committer.commit({ mustLast: true, work });
      return true;
    },
    async count(queue, signal) {
      await committer.writable(signal);
      return committer.read(({ queues, messages }) => {
        const id = queues.find(queue);
        return id === undefined ? undefined : messages.count(id);
      });
    },
    async countConsumers(queue, signal) {
      await committer.writable(signal);
      return committer.read(({ queues }) => {
        const id = queues.find(queue);
        return id === undefined ? undefined : queues.consumersOf(id).length;
      });
    },
    holds(queue, header, text) {
      const work = ({ queues, messages }: Tables): boolean => {
        const id = queues.find(queue);
        return id !== undefined && messages.hasHeader(id, header, text);
      };
      // In its turn with what is written.
      return committer.commit({ mustLast: false, work });
    },
    consume(queue, { prefetch, onDelivery }) {
      const consumer = createConsumer({
        queue,
        prefetch,
        facts: () => facts.get(queue),
        committer,
        events,
        owner: () => presence?.name ?? '',
        inHand,
        onDelivery,
        onStopped: () => consumers.delete(consumer),
      });
      consumers.add(consumer);
      if (closed !== undefined) void consumer.stop();
      return consumer;
    },
    writable: (signal) => committer.writable(signal),
    publish,
    publishLoosely,
    close(limitMs) {
      closed ??= close(limitMs);
      return closed;
    },
  };
}
