import { EventEmitter, once } from 'node:events';
import type { BrokerEvents, Message, Publication } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { Connection } from './connection.ts';
import { createPublisher, type Publisher } from './publisher.ts';

/** What brokers allow a user is not ours alone. */
const MOST_CHANNELS = 4;
/** RabbitMQ reads nothing more of a connection when some hundreds of publications wait on one channel. */
const MOST_AT_ONCE = 200;
/** What is not confirmed in this time is taken to wait for a leader of its queue. */
const STUCK_AFTER_MS = 2000;
const STUCK_FOR_MS = 10 * 60_000;

/**
 * Publishes copies of messages, over losses of the connection, at least once. What goes to different queues goes on
 * different channels, as long as there are enough of them: RabbitMQ works a channel in order, and a quorum queue without
 * a leader (its nodes are away, or the power went right after it was declared) holds up for a minute whatever is
 * published behind a message to it.
 */
export interface Copier {
  /** Resolves when a copy is confirmed. Rejects with BrokerError, or with `signal`'s reason as long as it is not written. */
  copy(message: Message, queue: string, signal: AbortSignal): Promise<'routed' | 'unroutable'>;
  /** Whether lately a copy to this queue was not confirmed in time. */
  isStuck(queue: string): boolean;
  /** Resolves when nothing is under way, or cannot be since there is no connection. */
  quiet(signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Channel {
  readonly publisher: Publisher;
  /** Names of the queues of the copies that it has at the moment, one for each copy. */
  readonly queues: string[];
}

/** A copier on a connection; it opens channels as they are needed. */
export function createCopier(connection: Connection, events: EventEmitter<BrokerEvents>): Copier {
  const changes = new EventEmitter<{ landed: [] }>().setMaxListeners(0);
  const channels: Channel[] = [];
  /** Name of a queue → until when it counts as stuck. */
  const stuck = new Map<string, number>();
  let isClosed = false;

  /** The one that has copies to this queue, one that has none, a new one, or the one with the fewest. */
  function channelFor(queue: string): Channel {
    if (isClosed) throw new BrokerError('unavailable', 'the broker is closed');
    const fitting =
      channels.find(({ queues }) => queues.includes(queue)) ??
      channels.find(({ queues }) => queues.length === 0);
    if (fitting !== undefined) return fitting;
    if (channels.length < MOST_CHANNELS) {
      const opened: Channel = { publisher: createPublisher(connection), queues: [] };
      opened.publisher.start();
      channels.push(opened);
      return opened;
    }
    return channels.reduce((least, other) => (other.queues.length < least.queues.length ? other : least));
  }

  async function takeChannel(queue: string, signal: AbortSignal): Promise<Channel> {
    for (;;) {
      const channel = channelFor(queue);
      if (channel.queues.length < MOST_AT_ONCE) {
        channel.queues.push(queue);
        return channel;
      }
      await once(changes, 'landed', { signal });
    }
  }

  function isStuck(queue: string): boolean {
    const untilMs = stuck.get(queue) ?? 0;
    if (untilMs < performance.now()) stuck.delete(queue);
    return untilMs > performance.now();
  }

  function suspect(queue: string): void {
    // An alarm holds back all there is.
    if (connection.isBlocked) return;
    if (!isStuck(queue)) events.emit('queue:stuck', { queue, afterMs: STUCK_AFTER_MS });
    stuck.set(queue, performance.now() + STUCK_FOR_MS);
  }

  function isUnderWay(): boolean {
    return channels.some(({ queues }) => queues.length > 0);
  }

  async function publish(
    publisher: Publisher,
    publication: Publication,
    signal: AbortSignal,
  ): Promise<'routed' | 'unroutable'> {
    for (;;) {
      await publisher.writable(signal);
      const late = setTimeout(suspect, STUCK_AFTER_MS, publication.routingKey).unref();
      try {
        const result = await publisher.publish(publication);
        stuck.delete(publication.routingKey);
        return result;
      } catch (error) {
        const mayTryAgain =
          error instanceof BrokerError && (error.kind === 'unavailable' || error.kind === 'uncertain');
        if (!mayTryAgain) throw error;
      } finally {
        clearTimeout(late);
      }
    }
  }

  return {
    async copy(message, queue, signal) {
      const { publisher, queues } = await takeChannel(queue, signal);
      try {
        return await publish(publisher, { exchange: '', routingKey: queue, ...message }, signal);
      } finally {
        queues.splice(queues.indexOf(queue), 1);
        changes.emit('landed');
      }
    },
    isStuck,
    async quiet(signal) {
      while (isUnderWay() && connection.model !== undefined) await once(changes, 'landed', { signal });
    },
    close() {
      isClosed = true;
      for (const { publisher } of channels) publisher.close();
      changes.emit('landed');
    },
  };
}
