import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** A TCP port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = listeningPort(server);
  await once(server.close(), 'close');
  return port;
}

/** The port that a TCP server listens on. */
export function listeningPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no TCP port');
  return address.port;
}
