import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, stat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { claimPath } from './claim-path.ts';
import { withFolderLock } from './folder-lock.ts';
import { type ControlHandlers, type ControlRequest, readRequest } from './messages.ts';
import { readLine } from './read-line.ts';
import { socketPath, whyTooLong } from './socket-path.ts';

/*
 * How a daemon is asked what it does and told what to do: a unix socket in its state folder. Whoever may open it may do
 * it all, so the file's mode is its lock. Nothing that a client says, or fails to say, reaches the daemon as an error.
 */

export interface ControlOptions {
  /** The state folder, which is there. */
  readonly folder: string;
  readonly handlers: ControlHandlers;
  /** It cannot be asked, and works all the same. */
  readonly onClosed: (reason: string) => void;
  /** A handler threw, which it must not. */
  readonly onBug: (error: unknown) => void;
}

export interface ControlServer {
  /** Begins to listen; resolves when that is done, or has failed. Never rejects. */
  open(): Promise<void>;
  /** Takes the socket away, and ends who is still connected. Never rejects. */
  close(): Promise<void>;
}

/** Nobody but the owner, and root. */
const MODE = 0o600;
/** So many daemons in one folder, or so many names that cannot be had. */
const MOST_NAMES = 100;
const MOST_CLIENTS = 32;
const REQUEST_LIMITS = { maxBytes: 4_096, limitMs: 5_000 };
/** How long a client may take to read its answer. */
const ANSWER_LIMIT_MS = 10_000;

export function createControlServer({ folder, handlers, onClosed, onBug }: ControlOptions): ControlServer {
  const clients = new Set<Socket>();
  // A client may say its last word before it is answered, as `echo … | nc -U` does.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket)).on('error', () => {});
    void serve(socket);
  });
  server.maxConnections = MOST_CLIENTS;
  server.on('error', () => {});
  let claimed: Claimed | undefined;
  let opening: Promise<void> | undefined;

  async function serve(socket: Socket): Promise<void> {
    try {
      const request = readRequest(await readLine(socket, REQUEST_LIMITS));
      const text = JSON.stringify(typeof request === 'string' ? refusal(request) : await carryOut(request));
      socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
      socket.end(`${text}\n`, () => socket.destroySoon());
    } catch {
      socket.destroy();
    }
  }

  async function carryOut(request: ControlRequest): Promise<object> {
    try {
      return { ok: true, answer: await handle(request) };
    } catch (error) {
      onBug(error);
      return refusal('a bug of the daemon, which its log tells more about');
    }
  }

  function handle(request: ControlRequest): unknown {
    switch (request.command) {
      case 'status':
        return handlers.status(request);
      case 'cancel':
        return handlers.cancel(request);
      case 'pause':
        return handlers.pause(request);
      case 'resume':
        return handlers.resume(request);
      case 'reload':
        return handlers.reload(request);
    }
  }

  async function open(): Promise<void> {
    const tooLong = whyTooLong(socketPath(folder, 1));
    if (tooLong !== undefined) return onClosed(tooLong);
    try {
      claimed = await listenIn(folder, server);
      if (claimed !== undefined) return;
      onClosed(`no name is free in ${folder}: remove the control-*.sock that nobody listens on`);
    } catch (error) {
      onClosed(error instanceof Error ? error.message : String(error));
    }
    server.close();
  }

  async function close(): Promise<void> {
    await opening;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const client of clients) client.destroy();
    if (claimed !== undefined) await remove(claimed);
    await closed;
  }

  return {
    open() {
      opening ??= open();
      return opening;
    },
    close,
  };
}

/** A socket by its name, and as the file system knows it. */
interface Claimed {
  readonly path: string;
  readonly ino: number;
}

/** Listens under the first name in the folder that no living daemon has; undefined when there are too many. */
async function listenIn(folder: string, server: Server): Promise<Claimed | undefined> {
  // Named when it is ready, so that nobody finds it before its mode is right; no longer than the name that it gets.
  const own = join(folder, `.c${randomBytes(4).toString('hex')}`);
  try {
    server.listen(own);
    await once(server, 'listening');
    await chmod(own, MODE);
    const { ino } = await stat(own);
    const path = await withFolderLock(folder, () => claimFirst(own, folder));
    return path === undefined ? undefined : { path, ino };
  } finally {
    await unlink(own).catch(() => {});
  }
}

async function claimFirst(own: string, folder: string): Promise<string | undefined> {
  for (let index = 1; index <= MOST_NAMES; index += 1) {
    const path = socketPath(folder, index);
    if (whyTooLong(path) === undefined && (await claimPath(own, path))) return path;
  }
  return undefined;
}

/** Only its own: somebody may have removed it, and another daemon may have the name now. */
async function remove({ path, ino }: Claimed): Promise<void> {
  try {
    if ((await stat(path)).ino === ino) await unlink(path);
  } catch {
    // It is gone, or the folder is.
  }
}

function refusal(error: string): object {
  return { ok: false, error };
}
