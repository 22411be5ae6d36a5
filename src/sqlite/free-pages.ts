import type { DatabaseSync } from 'node:sqlite';
import { primaryCode } from './database-error.ts';

/** Pages to free at a time: a few milliseconds. */
const PAGES_AT_ONCE = 1_000;
/** Some room is kept: it will be needed again. */
const KEPT_PAGES = 1_000;

/** Gives some of a database's unused pages back to the file system, if there are many. */
export function freePages(database: DatabaseSync): void {
  const free = Number(database.prepare('PRAGMA freelist_count').get()?.['freelist_count']);
  if (free <= KEPT_PAGES) return;
  try {
    // The file itself becomes smaller only when the write-ahead log goes into it.
    database.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE}); PRAGMA wal_checkpoint(PASSIVE)`);
  } catch (error) {
    // Somebody else writes, or there is no room: it can wait.
    if (primaryCode(error) === undefined) throw error;
  }
}
