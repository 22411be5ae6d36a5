import './early-close.ts';
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect, type SocketOptions } from 'amqplib';
import type { BrokerEvents } from '../broker.ts';
import { awayDelayMs, isNobodyThere } from './away.ts';
import { createBackoff } from './backoff.ts';
import { connectErrorText, serverWords } from './connect-error.ts';
import { joinWrites } from './joint-writes.ts';
import { ignoreLateFrames } from './late-frames.ts';
import { settledWithin, withinLimit } from '../limit.ts';
import { type AmqpOptions, type AmqpUrl, urlText } from './options.ts';

/*
 * One connection that is opened again whenever it is lost:
 *
 *   idle ─start→ connecting ─→ open ─→ waiting ─→ connecting …
 *                    └──── failed ───────↑
 *   any ─close→ closed, for good
 *
 * Each try takes the next of the URLs. Between tries it waits longer and longer (less so where nobody is there), but
 * goes through the URLs once without waiting, so that one dead node of a cluster costs no time.
 */

/** A supervised connection. Everybody asks it for the connection of the moment and none keeps one. */
export interface Connection {
  /** Undefined unless it is open right now. */
  readonly model: ChannelModel | undefined;
  readonly isBlocked: boolean;
  start(): void;
  /** Resolves with the open connection, at once or as soon as there is one. Rejects when `signal` aborts or on `close`. */
  opened(signal?: AbortSignal): Promise<ChannelModel>;
  close(limitMs: number): Promise<void>;
}

/** An open socket to RabbitMQ, and how to free it when nobody answers there any more. */
export interface OpenConnection {
  readonly model: ChannelModel;
  readonly destroy: () => void;
}

export type ConnectOptions = Pick<
  AmqpOptions,
  'name' | 'urls' | 'tls' | 'heartbeatMs' | 'connectTimeoutMs' | 'reconnectMaxDelayMs'
>;

/** Opens one connection; rejects with words for people. */
export async function openConnection(
  options: ConnectOptions,
  url: AmqpUrl,
  purpose: string,
  signal?: AbortSignal,
): Promise<OpenConnection> {
  const abort = new AbortController();
  const onAbort = (): void => abort.abort();
  signal?.throwIfAborted();
  signal?.addEventListener('abort', onAbort, { once: true });
  const socketOptions: SocketOptions & { signal: AbortSignal } = {
    ...(url.protocol === 'amqps' ? options.tls : {}),
    timeout: options.connectTimeoutMs,
    // Without it each small answer waits for the acknowledgement of the one before: 44 ms a job.
    noDelay: true,
    clientProperties: { connection_name: `${options.name} ${purpose}` },
    signal: abort.signal,
  };
  const connecting = connect(
    {
      protocol: url.protocol,
      hostname: url.hostname,
      port: url.port,
      username: url.user,
      password: url.password,
      // amqplib takes it percent-encoded.
      vhost: encodeURIComponent(url.vhost),
      heartbeat: options.heartbeatMs === 0 ? 0 : Math.max(1, Math.round(options.heartbeatMs / 1000)),
    },
    socketOptions,
  );
  try {
    const model = await withinLimit(connecting, options.connectTimeoutMs, 'connect ETIMEDOUT: the handshake');
    model.on('error', () => {});
    ignoreLateFrames(model);
    joinWrites(model);
    return { model, destroy: onAbort };
  } catch (error) {
    abort.abort();
    connecting.then(
      (late) => late.on('error', () => {}),
      () => {},
    );
    throw new Error(connectErrorText(error, url), { cause: error });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** A supervised connection for one purpose, which RabbitMQ and the events show. */
export function createConnection(
  options: ConnectOptions,
  purpose: string,
  events: EventEmitter<BrokerEvents>,
): Connection {
  const backoff = createBackoff(options.reconnectMaxDelayMs);
  const changes = new EventEmitter<{ open: [ChannelModel] }>().setMaxListeners(0);
  const closing = new AbortController();
  /** What went wrong since the connection was last open: each reason is told once. */
  const told = new Set<string>();
  let current: OpenConnection | undefined;
  let isBlocked = false;
  let running: Promise<void> | undefined;

  async function supervise(): Promise<void> {
    let awaySince = performance.now();
    for (let attempt = 0; !closing.signal.aborted; attempt += 1) {
      const url = options.urls[attempt % options.urls.length];
      if (url === undefined) throw new RangeError('a broker needs at least one URL');
      let reason: string;
      let hasServed = false;
      let isAway = false;
      try {
        const opened = await openConnection(options, url, purpose, closing.signal);
        if (closing.signal.aborted) {
          opened.destroy();
          return;
        }
        hasServed = true;
        reason = await serve(opened, url);
        awaySince = performance.now();
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
        isAway = error instanceof Error && isNobodyThere(error.cause);
      }
      if (closing.signal.aborted) return;
      const isRoundOver = (attempt + 1) % options.urls.length === 0;
      const pauseMs = (): number =>
        isAway ? awayDelayMs(performance.now() - awaySince, options.reconnectMaxDelayMs) : backoff.nextMs();
      const retryInMs = isRoundOver || hasServed ? pauseMs() : 0;
      if (!told.has(reason)) events.emit('connection:lost', { purpose, reason, retryInMs });
      told.add(reason);
      await delay(retryInMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  /** Resolves with the reason when the connection is lost. */
  async function serve(opened: OpenConnection, url: AmqpUrl): Promise<string> {
    const { model } = opened;
    const lost = Promise.withResolvers<string>();
    let failure: Error | undefined;
    model.on('error', (error) => {
      failure ??= error;
    });
    model.on('blocked', (reason) => {
      isBlocked = true;
      events.emit('connection:blocked', { purpose, reason });
    });
    model.on('unblocked', () => {
      isBlocked = false;
      events.emit('connection:unblocked', { purpose });
    });
    model.on('close', (error) => {
      current = undefined;
      isBlocked = false;
      lost.resolve(lossText(failure ?? error));
    });
    current = opened;
    backoff.succeeded();
    told.clear();
    events.emit('connection:open', { purpose, url: urlText(url) });
    changes.emit('open', model);
    const reason = await lost.promise;
    // amqplib only ends the socket, which frees nothing when the other side is gone; a farewell gets its second.
    setTimeout(opened.destroy, 1000).unref();
    return reason;
  }

  return {
    get model() {
      return current?.model;
    },
    get isBlocked() {
      return isBlocked;
    },
    start() {
      if (closing.signal.aborted || running !== undefined) return;
      events.emit('connection:wanted', { purpose });
      running = supervise();
    },
    async opened(signal) {
      if (current !== undefined) return current.model;
      const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
      const [model] = await once(changes, 'open', { signal: either });
      return model;
    },
    async close(limitMs) {
      closing.abort();
      const last = current;
      if (last !== undefined) {
        await settledWithin(last.model.close(), limitMs);
        last.destroy();
      }
      await running;
    },
  };
}

function lossText(error: Error | undefined): string {
  if (error === undefined) return 'the connection was closed';
  if (error.message === 'Heartbeat timeout') return 'the broker has gone silent (no heartbeat)';
  if (error.message === 'Unexpected close') return 'the broker closed the connection without a word';
  return serverWords(error.message);
}
