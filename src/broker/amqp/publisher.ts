import { EventEmitter, once } from 'node:events';
import type { ChannelModel, ConfirmChannel, Message as AmqpMessage } from 'amqplib';
import type { Publication } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { Chain, type Place } from '../chain.ts';
import { type ChannelEnd, openConfirmChannel } from './channel.ts';
import type { Connection } from './connection.ts';
import { keepOpen } from './keep-open.ts';
import { toPublishOptions } from './message.ts';
import { refusedBy } from './refusal.ts';

/** A refused publication closes the channel; the others should not have to wait long for the next one. */
const REOPEN_MAX_MS = 500;
const ACCESS_REFUSED = 403;

/** Publications that the broker confirms, on one channel that is opened again whenever it is lost. */
export interface Publisher {
  start(): void;
  /** As `Broker.publish`. It waits as long as the connection lives: an alarm of the broker holds confirms back. */
  publish(publication: Publication): Promise<'routed' | 'unroutable'>;
  /** As `Broker.writable`: there is a channel, it is not congested and the broker has no alarm. */
  writable(signal?: AbortSignal): Promise<void>;
  /** Resolves when nothing is in flight. */
  quiet(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Who hears whether the broker's user may publish: each change, and again on each connection. */
export interface PermissionListener {
  readonly onForbidden: (reason: string) => void;
  readonly onAllowed: () => void;
}

interface InFlight {
  readonly publication: Publication;
  isReturned: boolean;
  readonly resolve: (result: 'routed' | 'unroutable') => void;
  readonly reject: (error: BrokerError) => void;
}

const AT_ONCE = Promise.resolve();

/** A publisher on a connection; `start` opens its channel. */
export function createPublisher(connection: Connection, listener?: PermissionListener): Publisher {
  const changes = new EventEmitter<{ writable: []; quiet: [] }>().setMaxListeners(0);
  const closing = new AbortController();
  const inFlight = new Chain<InFlight>();
  let channel: ConfirmChannel | undefined;
  let isCongested = false;
  let running: Promise<void> | undefined;
  /** The connection on which it was heard last that this user may not publish. */
  let forbiddenOn: ChannelModel | undefined;

  async function open(model: ChannelModel): Promise<{ ended: Promise<string> }> {
    const opened = await openConfirmChannel(model);
    opened.channel.on('return', markReturned);
    opened.channel.on('drain', () => {
      isCongested = false;
      announceWritable();
    });
    channel = opened.channel;
    isCongested = false;
    announceWritable();
    model.on('unblocked', announceWritable);
    return {
      ended: opened.ended.then((end) => {
        model.off('unblocked', announceWritable);
        channel = undefined;
        failInFlight(end, model);
        return end.reason;
      }),
    };
  }

  function isWritable(): boolean {
    return channel !== undefined && !isCongested && !connection.isBlocked;
  }

  function announceWritable(): void {
    if (isWritable()) changes.emit('writable');
  }

  /** A return comes before its confirm and names no publication: it is the oldest one that equals it. */
  function markReturned({ fields, properties, content }: AmqpMessage): void {
    for (const waiting of inFlight.values()) {
      const { exchange, routingKey, body, properties: sent } = waiting.publication;
      const isIt =
        !waiting.isReturned &&
        exchange === fields.exchange &&
        routingKey === fields.routingKey &&
        sent.messageId === properties.messageId &&
        sent.correlationId === properties.correlationId &&
        body.equals(content);
      if (!isIt) continue;
      waiting.isReturned = true;
      return;
    }
  }

  function failInFlight(end: ChannelEnd, model: ChannelModel): void {
    const lost = inFlight.clear();
    const refused = refusedBy(end, lost);
    const isForbidden = end.code === ACCESS_REFUSED;
    if (isForbidden) noteForbidden(end.reason, model);
    let fate: 'uncertain' | 'unavailable' = 'uncertain';
    for (const waiting of lost) {
      if (waiting === refused)
        waiting.reject(new BrokerError(isForbidden ? 'forbidden' : 'refused', end.reason));
      else waiting.reject(new BrokerError(fate, `not confirmed: ${end.reason}`));
      // A channel is worked in order: what was written after the one that closed it was not taken.
      if (waiting === refused) fate = 'unavailable';
    }
    changes.emit('quiet');
  }

  function noteForbidden(reason: string, model: ChannelModel): void {
    if (forbiddenOn === model) return;
    forbiddenOn = model;
    listener?.onForbidden(reason);
  }

  function noteAllowed(): void {
    if (forbiddenOn === undefined) return;
    forbiddenOn = undefined;
    listener?.onAllowed();
  }

  function land(place: Place<InFlight>): void {
    inFlight.remove(place);
    if (inFlight.size === 0) changes.emit('quiet');
  }

  function write(target: ConfirmChannel, waiting: InFlight, place: Place<InFlight>): void {
    const { exchange, routingKey, body } = waiting.publication;
    const hasRoom = target.publish(
      exchange,
      routingKey,
      body,
      toPublishOptions(waiting.publication),
      (error: unknown) => {
        // When the channel has closed, how it closed decides, and `failInFlight` does that.
        if (place.value === undefined) return;
        if (error === null) {
          noteAllowed();
          waiting.resolve(waiting.isReturned ? 'unroutable' : 'routed');
        } else if (isNack(error))
          waiting.reject(new BrokerError('full', 'a queue could not take it (is it full?)'));
        else return;
        land(place);
      },
    );
    if (!hasRoom) isCongested = true;
  }

  async function becomesWritable(signal: AbortSignal | undefined): Promise<void> {
    const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
    try {
      either.throwIfAborted();
      while (!isWritable()) await once(changes, 'writable', { signal: either });
    } catch (error) {
      if (signal?.aborted === true || !closing.signal.aborted) throw error;
      throw new BrokerError('unavailable', 'the broker is closed', { cause: error });
    }
  }

  return {
    start() {
      running ??= keepOpen({ connection, maxDelayMs: REOPEN_MAX_MS, signal: closing.signal, open });
    },
    publish: (publication) =>
      new Promise((resolve, reject) => {
        if (channel === undefined)
          throw new BrokerError('unavailable', 'there is no connection to the broker');
        const waiting: InFlight = { publication, isReturned: false, resolve, reject };
        const place = inFlight.add(waiting);
        try {
          write(channel, waiting, place);
        } catch (error) {
          land(place);
          const failure = notWritten(error);
          // Closed, and nobody has told yet: it must not be taken for writable, and tried again at once, until then.
          if (failure.kind === 'unavailable') channel = undefined;
          throw failure;
        }
      }),
    writable(signal) {
      const mayWrite = isWritable() && !closing.signal.aborted && signal?.aborted !== true;
      return mayWrite ? AT_ONCE : becomesWritable(signal);
    },
    async quiet(signal) {
      while (inFlight.size > 0) await once(changes, 'quiet', { signal });
    },
    close() {
      closing.abort();
    },
  };
}

function isNack(error: unknown): boolean {
  return error instanceof Error && error.message === 'message nacked';
}

/** amqplib encodes before it writes: what it throws is about a closed channel, or about what cannot be encoded. */
function notWritten(error: unknown): BrokerError {
  const reason = error instanceof Error ? error.message : String(error);
  const isClosed = error instanceof Error && error.name === 'IllegalOperationError';
  return new BrokerError(isClosed ? 'unavailable' : 'unencodable', reason, { cause: error });
}
