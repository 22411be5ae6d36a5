import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../sqlite/database-error.ts';
import { loadSqlite } from '../sqlite/open-database.ts';
import { makePrivateFile } from '../sqlite/private-file.ts';

const RETRY_MS = 20;
const LOCK_LIMIT_MS = 2_000;

/**
 * Does something that only one daemon of a folder may do at a time. The lock is one that SQLite has on an empty file,
 * since Node can lock none: the kernel lets go of it however its process ends. Where it cannot be had, it is done without.
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(join(folder, 'control.lock'));
  try {
    return await work();
  } finally {
    lock?.close();
  }
}

async function takeLock(file: string): Promise<DatabaseSync | undefined> {
  const deadline = performance.now() + LOCK_LIMIT_MS;
  do {
    let database: DatabaseSync | undefined;
    try {
      makePrivateFile(file);
      database = new (loadSqlite().DatabaseSync)(file);
      database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database?.close();
      if (!isBusy(error)) return undefined;
    }
    await wait(RETRY_MS);
  } while (performance.now() < deadline);
  return undefined;
}
