import { rename } from 'node:fs/promises';
import { codeOf, connect } from './connect.ts';

const PROBE_LIMIT_MS = 2_000;
const DEAD: readonly string[] = ['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'];

/**
 * Gives a socket that listens as `own` the name `path`, in the place of what a dead daemon may have left there. False: a
 * living one has the name. To be called by one daemon at a time, or two could take each other's.
 */
export async function claimPath(own: string, path: string): Promise<boolean> {
  if (await lives(path)) return false;
  await rename(own, path);
  return true;
}

async function lives(path: string): Promise<boolean> {
  try {
    const socket = await connect(path, PROBE_LIMIT_MS);
    socket.destroy();
    return true;
  } catch (error) {
    return !isDead(error);
  }
}

/** Whether a connection failed because nobody listens there any more; anything else may be a daemon that is busy. */
export function isDead(error: unknown): boolean {
  return DEAD.includes(codeOf(error));
}
