import type { Socket } from 'node:net';

const NEWLINE = 0x0a;

export interface LineLimits {
  readonly maxBytes: number;
  /** How long the whole line may take. */
  readonly limitMs: number;
}

/**
 * The first line that comes, without its end; what comes before the other side's last word counts as one, too. Rejects
 * when a limit is passed, and when the connection breaks. What comes after it is ignored.
 */
export async function readLine(socket: Socket, { maxBytes, limitMs }: LineLimits): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const line = Promise.withResolvers<void>();
  const onData = (chunk: Buffer): void => {
    const end = chunk.indexOf(NEWLINE);
    const part = end === -1 ? chunk : chunk.subarray(0, end);
    bytes += part.length;
    if (bytes > maxBytes) line.reject(new Error(`more than ${maxBytes} bytes in one line`));
    chunks.push(part);
    if (end !== -1) line.resolve();
  };
  const onClose = (): void => line.reject(new Error('the connection was closed'));
  const timer = setTimeout(() => line.reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  socket.on('data', onData).on('end', line.resolve).on('error', line.reject).on('close', onClose);
  try {
    await line.promise;
    return Buffer.concat(chunks).toString();
  } finally {
    clearTimeout(timer);
    // It keeps flowing, or the other side's end would never be seen.
    socket.off('data', onData).off('end', line.resolve).off('error', line.reject).off('close', onClose);
    socket.resume();
  }
}
