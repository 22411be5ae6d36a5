import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { type Asked, askAll } from '../../src/control/client.ts';
import type { ControlHandlers } from '../../src/control/messages.ts';
import { type ControlServer, createControlServer } from '../../src/control/server.ts';
import type { DaemonStatus } from '../../src/job/status.ts';

/** A daemon that says this of itself has nothing to do. */
export const IDLE: DaemonStatus = {
  daemon: { pid: 1, version: '1.2.3', since: '2026-01-01T00:00:00.000Z', state: 'running', files: [] },
  queues: [],
  jobs: [],
};

/** Names of the sockets in a folder, and of whatever else is there but the lock. */
export async function socketsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name !== 'control.lock').sort();
}

/** A state folder of its own for one test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rbit-control-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that is open, and what it has announced. */
export interface OpenServer extends ControlServer {
  readonly closed: string[];
  readonly bugs: unknown[];
}

export async function openServer(
  folder: string,
  handlers: Partial<ControlHandlers> = {},
): Promise<OpenServer> {
  const [closed, bugs]: [string[], unknown[]] = [[], []];
  const server = createControlServer({
    folder,
    handlers: {
      status: () => IDLE,
      cancel: () => ({ cancelled: 0 }),
      pause: () => ({ kind: 'stopping' }),
      resume: () => ({ kind: 'stopping' }),
      reload: () => ({ kind: 'stopping' }),
      ...handlers,
    },
    onClosed: (reason) => closed.push(reason),
    onBug: (error) => bugs.push(error),
  });
  await server.open();
  onTestFinished(() => server.close());
  return { ...server, closed, bugs };
}

export async function askStatus(folder: string, limitMs = 5_000): Promise<Asked<'status'>[]> {
  return askAll<'status'>(folder, { command: 'status' }, limitMs);
}

/** Says something that no client of ours would, and nothing after it; resolves with what comes back. */
export async function say(folder: string, words: string): Promise<string> {
  const socket = createConnection({ path: join(folder, 'control.sock') });
  socket.on('error', () => {});
  socket.end(words);
  // What the server does not read of a request that it drops is a reset.
  return text(socket).catch(() => '');
}

/** Connects, and is silent. */
export async function hang(folder: string): Promise<Socket> {
  const socket = createConnection({ path: join(folder, 'control.sock') });
  await new Promise((resolve) => socket.once('connect', resolve));
  onTestFinished(() => void socket.destroy());
  return socket;
}
