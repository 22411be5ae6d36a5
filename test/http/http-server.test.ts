import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Agent, request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpServer, type HttpServer, MOST_CONNECTIONS } from '../../src/http/http-server.ts';
import type { Route } from '../../src/http/routes.ts';
import { eventually } from '../support/eventually.ts';
import { listeningPort } from '../support/free-port.ts';

const HERE: Route = () => ({ status: 200, contentType: 'text/plain', body: 'here ä\n' });
const NEVER: Route = () => new Promise(() => {});

interface Served {
  readonly server: HttpServer;
  readonly url: string;
  readonly port: number;
  readonly bugs: string[];
}

async function serve(
  routes: Readonly<Record<string, Route>>,
  { actions = {}, ...options }: { silenceLimitMs?: number; actions?: Readonly<Record<string, Route>> } = {},
): Promise<Served> {
  const listening = Promise.withResolvers<string>();
  const bugs: string[] = [];
  const server = createHttpServer({
    listen: { host: '127.0.0.1', port: 0 },
    routes: { get: new Map(Object.entries(routes)), post: new Map(Object.entries(actions)) },
    onListening: listening.resolve,
    onRefused: listening.reject,
    onBug: (where, error) => bugs.push(`${where}: ${String(error)}`),
    ...options,
  });
  server.start();
  onTestFinished(() => server.close());
  const url = await listening.promise;
  return { server, url, port: Number(new URL(url).port), bugs };
}

/** A connection that says `text`, and what it hears until it is closed. */
async function say(port: number, text: string): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let all = '';
  socket.on('data', (data) => {
    all += data.toString();
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return { socket, heard: () => all };
}

describe('the server', () => {
  it('answers a GET, whatever its query', async () => {
    const { url } = await serve({ '/here': HERE });
    const response = await fetch(`${url}/here?x=1`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('here ä\n');
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('answers a HEAD without the body', async () => {
    const { url } = await serve({ '/here': HERE });
    const response = await fetch(`${url}/here`, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('8');
    expect(await response.text()).toBe('');
  });

  it.each(['/', '/there', '/here/', '//here', '/HERE', '/__proto__', '/constructor'])(
    'has nothing at %s',
    async (path) => {
      const { url } = await serve({ '/here': HERE });
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('does nothing at a %s', async (method) => {
    const { url } = await serve({ '/here': HERE });
    const response = await fetch(`${url}/here`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  it('does not wait for a body that nobody reads', async () => {
    const { port } = await serve({ '/here': HERE });
    const { socket, heard } = await say(
      port,
      'POST /here HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx',
    );
    await once(socket, 'close');
    expect(heard()).toMatch(/^HTTP\/1\.1 405 [^]*Connection: close/);
  });

  it('keeps a connection for the next request', async () => {
    const { port } = await serve({ '/here': HERE });
    const { heard, socket } = await say(port, 'GET /here HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => heard().endsWith('here ä\n'), 'the first answer');
    socket.write('GET /here HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => heard().match(/HTTP\/1\.1 200/g)?.length === 2, 'two answers');
    expect(heard()).not.toContain('Connection: close');
  });

  it('goes on after a route that threw, and tells of it', async () => {
    const { url, bugs } = await serve({
      '/here': HERE,
      '/bad': () => {
        throw new Error('oh');
      },
    });
    expect((await fetch(`${url}/bad`)).status).toBe(500);
    expect(bugs).toStrictEqual(['answering /bad: Error: oh']);
    expect((await fetch(`${url}/here`)).status).toBe(200);
  });
});

describe('what a client can take is bounded', () => {
  it('headers, at 8 KiB', async () => {
    const { port } = await serve({ '/here': HERE });
    const { socket, heard } = await say(
      port,
      `GET /here HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(9_000)}\r\n\r\n`,
    );
    await once(socket, 'close');
    expect(heard()).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('what is no HTTP is hung up on', async () => {
    const { port } = await serve({ '/here': HERE });
    const { socket, heard } = await say(port, '\u0016\u0003\u0001 hello\r\n\r\n');
    await once(socket, 'close');
    expect(heard()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    ['says nothing', ''],
    ['does not finish its request', 'GET /here HTTP/1.1\r\nHost:'],
  ])('a client that %s is hung up on', async (_, text) => {
    const { port } = await serve({ '/here': HERE }, { silenceLimitMs: 200 });
    const { socket } = await say(port, text);
    await once(socket, 'close');
  });

  it('a client that does not take its answer is hung up on', async () => {
    const body = 'x'.repeat(64 * 1024 * 1024);
    const large: Route = () => ({ status: 200, contentType: 'text/plain', body });
    const { port } = await serve({ '/large': large }, { silenceLimitMs: 200 });
    const accepted = Promise.withResolvers<Socket>();
    const accept = (message: unknown): void => accepted.resolve((message as { socket: Socket }).socket);
    subscribe('net.server.socket', accept);
    onTestFinished(() => void unsubscribe('net.server.socket', accept));
    const socket = connect(port, '127.0.0.1').pause();
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(await accepted.promise, 'close');
    expect(socket.bytesRead).toBeLessThan(body.length);
  });

  it('who asks again without waiting for the answer is hung up on, and not answered a thousand times at once', async () => {
    let answered = 0;
    const counted: Route = async (asked) => {
      answered += 1;
      return HERE(asked);
    };
    const { port } = await serve({ '/here': counted });
    const { socket } = await say(port, 'GET /here HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000));
    await once(socket, 'close');
    expect(answered).toBe(1);
  });

  it('who only keeps a connection makes room for who has something to ask', async () => {
    const { port, url } = await serve({ '/here': HERE });
    for (let count = 0; count < MOST_CONNECTIONS; count += 1) {
      const { heard } = await say(port, 'GET /here HTTP/1.1\r\nHost: x\r\n\r\n');
      await eventually(() => heard().endsWith('here ä\n'), 'its answer');
    }
    await eventually(
      () =>
        fetch(`${url}/here`).then(
          ({ ok }) => ok,
          () => false,
        ),
      'an answer',
    );
  });

  it('more connections than there may be are hung up on, and the others answered', async () => {
    const { port, url } = await serve({ '/here': HERE });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const answer = request(`${url}/here`, { agent }).end();
    const [response] = (await once(answer, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    await once(response, 'end');
    for (let one = 1; one < MOST_CONNECTIONS; one += 1) await say(port, '');
    const { socket } = await say(port, '');
    await once(socket, 'close');
    const again = request(`${url}/here`, { agent }).end();
    await once(again, 'response');
  });
});

describe('closing', () => {
  const closedWithin = async (server: HttpServer): Promise<number> => {
    const before = performance.now();
    await server.close();
    return performance.now() - before;
  };

  it('waits for no connection that is kept open', async () => {
    const { server, port } = await serve({ '/here': HERE });
    const { heard } = await say(port, 'GET /here HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => heard().includes('200 OK'), 'the answer');
    expect(await closedWithin(server)).toBeLessThan(400);
  });

  it('waits for an answer that is on its way, but not for long', async () => {
    const { server, port } = await serve({ '/never': NEVER });
    await say(port, 'GET /never HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/x`)).status === 404, 'a turn');
    expect(await closedWithin(server)).toBeLessThan(1_000);
  });

  it('twice is no harm', async () => {
    const { server } = await serve({ '/here': HERE });
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});

describe('an address that cannot be listened on', () => {
  it('is told, tried again, and served when it is free', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const refused: string[] = [];
    const listening = Promise.withResolvers<string>();
    const server = createHttpServer({
      listen: { host: '127.0.0.1', port: listeningPort(other) },
      routes: { get: new Map([['/here', HERE]]), post: new Map() },
      onListening: listening.resolve,
      onRefused: (code, retryInMs) => {
        refused.push(`${code} ${retryInMs}`);
        other.close();
      },
      onBug: () => {},
    });
    server.start();
    onTestFinished(() => server.close());
    expect((await fetch(`${await listening.promise}/here`)).status).toBe(200);
    expect(refused).toStrictEqual(['EADDRINUSE 1000']);
  });

  it('does not keep it from closing', async () => {
    const refused = Promise.withResolvers<string>();
    const server = createHttpServer({
      listen: { host: '192.0.2.1', port: 0 },
      routes: { get: new Map(), post: new Map() },
      onListening: () => {},
      onRefused: refused.resolve,
      onBug: () => {},
    });
    server.start();
    expect(await refused.promise).toBe('EADDRNOTAVAIL');
    await server.close();
  });
});
