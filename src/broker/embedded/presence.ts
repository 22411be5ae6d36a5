import { randomBytes } from 'node:crypto';
import {
  chownSync,
  type FSWatcher,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  watch,
} from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { loadSqlite } from '../../sqlite/open-database.ts';

/*
 * Each broker that consumes is present by a file of its name in the folder `FILE-owners`:
 *
 *   locked   as long as its process lives; the kernel lets go of the lock however it ends. Process ids would be
 *            taken for another process's in time, and mean nothing in another container.
 *   touched  by others, to wake it: it watches the file.
 *
 * Node cannot lock a file, but SQLite can: the file is an empty database in an exclusive transaction.
 */

/** Where file events cannot be had (their number is limited), the others' files are looked at instead. */
const LOOK_EVERY_MS = 40;
/** 9 random bytes in base64url. */
const NAME = /^[\w-]{12}$/;
/** A file that is not locked yet has another name, or it would look as if its owner had gone. */
const UNLOCKED = '.new';
/** So long the file of an owner that lives may be missing: it looks once a second. */
const MISSING_MS = 8_000;
/** A file this old without an owner in the database is left over from a process that was killed. */
const ABANDONED_MS = 60_000;

export interface Presence {
  /** Which owner this is, in the database and on disk. */
  readonly name: string;
  /** Wakes another owner; nothing happens if it has gone. */
  wake(other: string): void;
  /** Undefined as long as the other lives. Once it has gone: its lock, which keeps others from doing the same until it is let go. */
  takeOver(other: string): Lock | undefined;
  /** Makes its file anew if somebody removed it. */
  renew(): void;
  /** Removes files that belong to no owner of this list. */
  tidy(owners: ReadonlySet<string>): void;
  /** Lets go of the lock: from now on this owner has gone. */
  leave(): void;
}

export interface Lock {
  /** Removes the file, if that can be done, and lets go of it. */
  remove(): void;
  release(): void;
}

const NO_LOCK: Lock = { remove() {}, release() {} };

/** Makes a broker present. Throws what the file system says against it. */
export function enter(databaseFile: string, onWake: () => void): Presence {
  const folder = ownersFolder(databaseFile);
  const name = randomBytes(9).toString('base64url');
  const path = join(folder, name);
  /** Others whose file is missing, and since when. */
  const missing = new Map<string, number>();
  let own = lockOwnFile();

  function lockOwnFile(): { readonly lock: Lock; readonly inode: number; readonly stopWatching: () => void } {
    const lock = lockFile(`${path}${UNLOCKED}`, path);
    if (lock === undefined) throw new Error(`${path} cannot be locked`);
    giveTo(databaseFile, `${path}${UNLOCKED}`);
    renameSync(`${path}${UNLOCKED}`, path);
    return { lock, inode: lstatSync(path).ino, stopWatching: watchFile(path, onWake) };
  }

  function isMissingForLong(other: string): boolean {
    const since = missing.get(other) ?? performance.now();
    missing.set(other, since);
    return performance.now() - since >= MISSING_MS;
  }

  return {
    name,
    wake(other) {
      const now = new Date();
      try {
        // By its path: closing any descriptor of a file lets go of this process's locks on it.
        utimesSync(join(folder, other), now, now);
      } catch {
        // It has gone; whoever finds that out puts back what it held.
      }
    },
    takeOver(other) {
      const otherPath = join(folder, other);
      if (!NAME.test(other)) return NO_LOCK;
      // Its owner makes it anew if it lives.
      if (isMissing(otherPath)) return isMissingForLong(other) ? NO_LOCK : undefined;
      missing.delete(other);
      return lockFile(otherPath);
    },
    renew() {
      if (inodeOf(path) === own.inode) return;
      const last = own;
      try {
        ownersFolder(databaseFile);
        own = lockOwnFile();
      } catch {
        // Tried again at the next look.
        return;
      }
      last.stopWatching();
      last.lock.release();
    },
    tidy(owners) {
      for (const file of listFiles(folder)) {
        if (!NAME.test(file.replace(UNLOCKED, '')) || owners.has(file) || file === name) continue;
        const otherPath = join(folder, file);
        if (isAbandoned(otherPath)) lockFile(otherPath)?.remove();
      }
    },
    leave() {
      own.stopWatching();
      own.lock.remove();
    },
  };
}

/** Presence of a broker whose database nobody else can see. */
export function enterAlone(): Presence {
  return { name: 'alone', wake() {}, takeOver: () => undefined, renew() {}, tidy() {}, leave() {} };
}

/** Makes the file if it is not there. Undefined: somebody else has it. `later` is the name that it will have. */
function lockFile(path: string, later = path): Lock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new (loadSqlite().DatabaseSync)(path);
    // Without a journal file beside it, which a process that is killed would leave.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch {
    // Locked; or it cannot be opened now, for want of descriptors perhaps, and then nobody may say that it has gone.
    database?.close();
    return undefined;
  }
  const held = database;
  return {
    remove() {
      try {
        rmSync(later, { force: true });
      } catch {
        // A folder that may not be written any more: whoever comes next finds an old file that nobody locks.
      } finally {
        held.close();
      }
    },
    release: () => held.close(),
  };
}

function watchFile(path: string, onWake: () => void): () => void {
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  const lookInstead = (): void => {
    watcher?.close();
    timer ??= setInterval(onWake, LOOK_EVERY_MS).unref();
  };
  try {
    watcher = watch(path, { persistent: false }, onWake);
    watcher.on('error', lookInstead);
  } catch {
    lookInstead();
  }
  return () => {
    watcher?.close();
    clearInterval(timer);
  };
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAbandoned(path: string): boolean {
  try {
    const { mtimeMs, size } = lstatSync(path);
    return size === 0 && Date.now() - mtimeMs > ABANDONED_MS;
  } catch {
    return false;
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Not when it only cannot be seen: then nobody may say that its owner has gone. */
function isMissing(path: string): boolean {
  try {
    lstatSync(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Whatever is in it may be removed one day, so it must be what it seems to be. */
function ownersFolder(databaseFile: string): string {
  const folder = `${databaseFile}-owners`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lstatSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
  giveTo(databaseFile, folder);
  return folder;
}

/** What an administrator makes has to be usable by the service whose queue it is. */
function giveTo(databaseFile: string, path: string): void {
  const { uid, gid } = statSync(databaseFile);
  const is = statSync(path);
  if (process.geteuid?.() === 0 && (is.uid !== uid || is.gid !== gid)) chownSync(path, uid, gid);
}
