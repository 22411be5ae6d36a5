import { createConnection, type Socket } from 'node:net';

/** Connects to a unix socket; rejects with the system's error, or when it takes longer. */
export async function connect(path: string, limitMs: number): Promise<Socket> {
  const socket = createConnection({ path });
  const connected = Promise.withResolvers<void>();
  const timer = setTimeout(() => connected.reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  socket.once('connect', connected.resolve).once('error', connected.reject);
  try {
    await connected.promise;
    socket.off('error', connected.reject);
    // Whoever reads from it hears of an error; nobody else has to.
    socket.on('error', () => {});
    return socket;
  } catch (error) {
    socket.on('error', () => {}).destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The system's name for an error, such as `EACCES`; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
