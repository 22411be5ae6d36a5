import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What the kernel takes at most as the path of a unix socket, in bytes. */
export const LONGEST_PATH = 107;

const NAME = /^control(?:-\d{1,4})?\.sock$/;

/** Path of the socket of the first, the second … daemon in one state folder: `control.sock`, `control-2.sock`. */
export function socketPath(folder: string, index: number): string {
  return join(folder, index === 1 ? 'control.sock' : `control-${index}.sock`);
}

/** Why no socket can have this path; undefined: it can. */
export function whyTooLong(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes <= LONGEST_PATH) return undefined;
  return `${path} has ${bytes} bytes, and a socket may have ${LONGEST_PATH}: set state-dir to a shorter path`;
}

/** The sockets in a state folder, whether their daemons live or not. Rejects when it cannot be looked into. */
export async function findSockets(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .sort((a, b) => a.length - b.length)
    .map((name) => join(folder, name));
}
