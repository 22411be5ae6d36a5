import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { respond } from './respond.ts';
import type { Routes } from './routes.ts';

/*
 * Serves a few paths to whoever reaches the address. What a client can take from the daemon is bounded: so many
 * connections, of so many bytes of headers, each of them closed when it has been silent for a while.
 */

/** More than these are hung up on at once. */
export const MOST_CONNECTIONS = 64;
const LONGEST_HEADERS = 8 * 1024;
const SILENCE_LIMIT_MS = 10_000;
/** Beyond the minute that is usual between two scrapes nothing is gained by keeping a connection. */
const KEEP_ALIVE_MS = 75_000;
/** How long answers that are on their way may take when it is closed. */
const GOODBYE_MS = 500;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export interface HttpServerOptions {
  /** Host without brackets; port 0 is one that the system chooses. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly routes: Routes;
  readonly onListening: (url: string) => void;
  /** It cannot listen, and tries again; told once for each `code` of Node's. */
  readonly onRefused: (code: string, retryInMs: number) => void;
  /** A request has to be there within it, and its answer to be taken; 10 seconds if absent. */
  readonly silenceLimitMs?: number;
  /** A route threw, which it must not; its client is told that something went wrong. */
  readonly onBug: (where: string, error: unknown) => void;
}

export interface HttpServer {
  /** Begins to listen and returns at once: an address that is taken is no reason not to work. */
  start(): void;
  /** Never takes longer than a second. */
  close(): Promise<void>;
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { listen, onListening, onRefused, silenceLimitMs = SILENCE_LIMIT_MS } = options;
  const told = new Set<string>();
  const answering = new WeakSet<object>();
  const server = createServer(
    {
      maxHeaderSize: LONGEST_HEADERS,
      headersTimeout: silenceLimitMs,
      requestTimeout: silenceLimitMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: silenceLimitMs / 2,
    },
    (request, response) => {
      // Who does not wait for an answer gets none: a pipe full of requests would all be answered at once.
      if (answering.has(request.socket)) return void request.socket.destroy();
      answering.add(request.socket);
      response.on('close', () => answering.delete(request.socket));
      void respond(request, response, options.routes, options.onBug);
    },
  );
  // Those who only keep a connection make room for who has something to ask.
  server.on('drop', () => server.closeIdleConnections());
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = silenceLimitMs;
  let retry: NodeJS.Timeout | undefined;
  let retryInMs = FIRST_RETRY_MS;
  let isClosed = false;

  server.on('listening', () => {
    told.clear();
    onListening(urlOf(server, listen.host));
  });
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (server.listening || isClosed) return;
    const code = error.code ?? error.message;
    if (!told.has(code)) onRefused(code, retryInMs);
    told.add(code);
    retry = setTimeout(tryToListen, retryInMs).unref();
    retryInMs = Math.min(retryInMs * 2, LONGEST_RETRY_MS);
  });

  function tryToListen(): void {
    // It serves the daemon, and must not keep it alive.
    if (!isClosed) server.listen(listen).unref();
  }

  return {
    start: tryToListen,
    async close() {
      isClosed = true;
      clearTimeout(retry);
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const end = setTimeout(() => server.closeAllConnections(), GOODBYE_MS);
      await closed;
      clearTimeout(end);
    },
  };
}

/** With the port that the system chose, and the host as it was asked for. */
function urlOf(server: Server, host: string): string {
  // A server that listens on TCP has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
