import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listeningPort } from './free-port.ts';

/** Stands between a client and a server and does what networks do. */
export interface TcpProxy {
  readonly port: number;
  /** How many client connections are open. */
  readonly connections: number;
  /** How many client connections ever came. */
  readonly accepted: number;
  /**
   * Resets connections, on both sides, without a word of farewell: all of them, or those whose client has said
   * `text` among its first few kilobytes (an AMQP connection's name, for one). New ones are taken.
   */
  cut(text?: string): void;
  /** Keeps connections open and forwards nothing any more: all, old and new, or those whose client has said `text`. */
  blackHole(text?: string): void;
  /** Resets each new connection at once; those that are open live on. */
  shut(): void;
  /** Resets every connection, and each new one at once. */
  refuse(): void;
  /** Forwards again. What a black hole has swallowed stays lost, so its connections are reset. */
  resume(): void;
  /** Holds each chunk back for so long, in both directions. */
  delay(ms: number): void;
  close(): Promise<void>;
}

const OPENING_SIZE = 4096;

interface Pair {
  readonly client: Socket;
  readonly upstream?: Socket;
  swallowed: boolean;
  /** The first that the client said. */
  opening: string;
}

/** A proxy on a free port of 127.0.0.1. */
export async function startTcpProxy(target: { port: number; host?: string }): Promise<TcpProxy> {
  let mode: 'forward' | 'black-hole' | 'refuse' = 'forward';
  let delayMs = 0;
  let accepted = 0;
  const pairs = new Set<Pair>();

  const server = createServer({ noDelay: true }, (client) => {
    accepted += 1;
    client.on('error', () => {});
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    if (mode === 'black-hole') {
      const pair: Pair = { client, swallowed: true, opening: '' };
      pairs.add(pair);
      client.on('data', () => {}).on('close', () => pairs.delete(pair));
      return;
    }
    const upstream = connect({ port: target.port, host: target.host ?? '127.0.0.1', noDelay: true });
    upstream.on('error', () => {});
    const pair: Pair = { client, upstream, swallowed: false, opening: '' };
    pairs.add(pair);
    join(client, upstream, pair);
    join(upstream, client, pair);
    client.on('close', () => pairs.delete(pair));
  });

  function join(from: Socket, to: Socket, pair: Pair): void {
    let held = 0;
    let dueMs = 0;
    from.on('data', (chunk) => {
      if (from === pair.client && pair.opening.length < OPENING_SIZE)
        pair.opening += chunk.toString('latin1');
      if (pair.swallowed) return;
      // What is held back must not be overtaken when the delay ends.
      if (delayMs === 0 && held === 0) {
        to.write(chunk);
        return;
      }
      held += 1;
      dueMs = Math.max(dueMs, performance.now() + delayMs);
      setTimeout(
        () => {
          held -= 1;
          to.write(chunk);
        },
        Math.ceil(dueMs - performance.now()),
      );
    });
    from.on('close', () => {
      if (!pair.swallowed) to.destroy();
    });
  }

  function reset(pair: Pair): void {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.upstream?.resetAndDestroy();
  }

  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: listeningPort(server),
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    cut(text = '') {
      for (const pair of pairs) if (pair.opening.includes(text)) reset(pair);
    },
    blackHole(text) {
      if (text === undefined) mode = 'black-hole';
      for (const pair of pairs) if (pair.opening.includes(text ?? '')) pair.swallowed = true;
    },
    shut() {
      mode = 'refuse';
    },
    refuse() {
      mode = 'refuse';
      for (const pair of pairs) reset(pair);
    },
    resume() {
      mode = 'forward';
      for (const pair of pairs) if (pair.swallowed) reset(pair);
    },
    delay(ms) {
      delayMs = ms;
    },
    async close() {
      for (const pair of pairs) reset(pair);
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
