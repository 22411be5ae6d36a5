import { chmodSync, closeSync, lstatSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseError } from './database-error.ts';

/** Nobody but the owner: jobs carry what is nobody else's business. */
const MODE = 0o600;
const FOR_OTHERS = 0o077;

/**
 * Sees to it that there is a file that only its owner can read; SQLite's other files get the mode of this one. Throws
 * DatabaseError when somebody else could have put it there: who owns it can read what is written to it.
 */
export function makePrivateFile(path: string): void {
  try {
    // An existing one is not opened: closing it again would let go of this process's locks on it.
    closeSync(openSync(path, 'wx', MODE));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw new DatabaseError('not-writable', message, { cause: error });
    protect(path);
  }
}

function protect(path: string): void {
  const { uid, mode } = lstatSync(path);
  const isFile = lstatSync(path).isFile();
  if (!isFile) throw new DatabaseError('not-a-database', 'it is not a file');
  const me = process.geteuid?.() ?? uid;
  // An administrator may work on the queue of a service's user, whose folder it lies in.
  if (uid !== me && uid !== statSync(dirname(path)).uid)
    throw new DatabaseError('not-writable', `it belongs to user ${uid}, who does not own its folder`);
  if ((mode & FOR_OTHERS) !== 0 && (uid === me || me === 0)) chmodSync(path, MODE);
}
