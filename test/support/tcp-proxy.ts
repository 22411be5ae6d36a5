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
  /**
   * Keeps the connections that are open and forwards nothing any more in one direction, `up` being from the client
   * to the server; not even that an end was closed. All, or those whose client has said `text`.
   */
  halfOpen(direction: 'up' | 'down', text?: string): void;
  /** Resets each new connection at once; those that are open live on. */
  shut(): void;
  /** Resets every connection, and each new one at once. */
  refuse(): void;
  /** Forwards again. What was swallowed stays lost, so those connections are reset. */
  resume(): void;
  /** Holds each chunk back for so long, in both directions. */
  delay(ms: number): void;
  /** Once: puts these bytes behind the next that the server says, if it says `text` in it, in one piece with it. */
  add(bytes: Buffer, text: Buffer): void;
  close(): Promise<void>;
}

const OPENING_SIZE = 4096;

interface Pair {
  readonly client: Socket;
  readonly upstream?: Socket;
  swallows: 'nothing' | 'up' | 'down' | 'all';
  /** The first that the client said. */
  opening: string;
}

/** A proxy on a free port of 127.0.0.1. */
export async function startTcpProxy(target: { port: number; host?: string }): Promise<TcpProxy> {
  let mode: 'forward' | 'black-hole' | 'refuse' = 'forward';
  let delayMs = 0;
  let accepted = 0;
  let addition: { readonly bytes: Buffer; readonly text: Buffer } | undefined;
  const pairs = new Set<Pair>();

  const server = createServer({ noDelay: true }, (client) => {
    accepted += 1;
    client.on('error', () => {});
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    if (mode === 'black-hole') {
      const pair: Pair = { client, swallows: 'all', opening: '' };
      pairs.add(pair);
      client.on('data', () => {}).on('close', () => pairs.delete(pair));
      return;
    }
    const upstream = connect({ port: target.port, host: target.host ?? '127.0.0.1', noDelay: true });
    upstream.on('error', () => {});
    const pair: Pair = { client, upstream, swallows: 'nothing', opening: '' };
    pairs.add(pair);
    join(client, upstream, pair);
    join(upstream, client, pair);
    client.on('close', () => pairs.delete(pair));
  });

  function join(from: Socket, to: Socket, pair: Pair): void {
    const isSwallowed = (): boolean =>
      pair.swallows === 'all' || pair.swallows === (from === pair.client ? 'up' : 'down');
    const held: Buffer[] = [];
    let dueMs = 0;
    from.on('data', (said: Buffer) => {
      if (from === pair.client && pair.opening.length < OPENING_SIZE) pair.opening += said.toString('latin1');
      if (isSwallowed()) return;
      const chunk = from === pair.client ? said : withAddition(said);
      // What is held back must not be overtaken when the delay ends.
      if (delayMs === 0 && held.length === 0) {
        to.write(chunk);
        return;
      }
      held.push(chunk);
      dueMs = Math.max(dueMs, performance.now() + delayMs);
      setTimeout(
        () => {
          // Not each its own: timers that are due at one time do not fire in their order.
          const oldest = held.shift();
          if (oldest !== undefined && !isSwallowed()) to.write(oldest);
        },
        Math.ceil(dueMs - performance.now()),
      );
    });
    from.on('close', () => {
      if (!isSwallowed()) to.destroy();
    });
  }

  function withAddition(said: Buffer): Buffer {
    if (addition === undefined || !said.includes(addition.text)) return said;
    const { bytes } = addition;
    addition = undefined;
    return Buffer.concat([said, bytes]);
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
      for (const pair of pairs) if (pair.opening.includes(text ?? '')) pair.swallows = 'all';
    },
    halfOpen(direction, text = '') {
      for (const pair of pairs) if (pair.opening.includes(text)) pair.swallows = direction;
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
      for (const pair of pairs) if (pair.swallows !== 'nothing') reset(pair);
    },
    delay(ms) {
      delayMs = ms;
    },
    add(bytes, text) {
      addition = { bytes, text };
    },
    async close() {
      for (const pair of pairs) reset(pair);
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
