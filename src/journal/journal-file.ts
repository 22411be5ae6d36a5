import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { DatabaseError, isBusy } from '../sqlite/database-error.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { inTransaction } from '../sqlite/transaction.ts';
import type { JobRecord } from './record.ts';
import { journalSchema, RecordTable } from './record-table.ts';

/*
 * Each daemon of a state folder has a journal of its own: the first is `journal.sqlite`, one beside it takes
 * `journal-2.sqlite`, and so on. SQLite's lock on it, which the kernel lets go of when the process ends, tells which are
 * taken. Whoever comes takes over what he finds unlocked.
 */

const NAME = /^journal(?:-(\d+))?\.sqlite$/;
const MOST_FILES = 1_000;
/** What nobody asked for in so long is of a queue that is not consumed any more. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** A statement that waits blocks the event loop; and who holds a journal holds it for long. */
const OPTIONS = { busyTimeoutMs: 0, isExclusive: true } as const;

/** Path of the first journal of a state folder. */
export function journalFile(folder: string, number = 1): string {
  return join(folder, number === 1 ? 'journal.sqlite' : `journal-${number}.sqlite`);
}

/** Opens the first journal of a folder that nobody has. Throws DatabaseError. */
export function openFreeJournal(folder: string): { readonly file: string; readonly database: DatabaseSync } {
  for (let number = 1; ; number += 1) {
    const file = journalFile(folder, number);
    try {
      return { file, database: openDatabase(file, journalSchema, OPTIONS) };
    } catch (error) {
      if (!isTaken(error) || number === MOST_FILES) throw error;
    }
  }
}

/**
 * Takes over what daemons that have gone left in a folder, in their own journals and in `own`, whose open `database`
 * has all of it then. Returns it.
 */
export function takeOver(folder: string, own: string, database: DatabaseSync): JobRecord[] {
  const table = new RecordTable(database);
  const others = otherJournals(folder, own).flatMap((file) => openIfFree(file) ?? []);
  try {
    const nowMs = Date.now();
    const orphans = [table, ...others.map((other) => other.table)].flatMap((one) => one.readOrphans(nowMs));
    const isOld = ({ releasedAtMs = nowMs }: JobRecord): boolean => releasedAtMs < nowMs - KEPT_MS;
    inTransaction(database, () => {
      for (const orphan of orphans) {
        if (isOld(orphan)) table.remove(orphan);
        else table.save(orphan);
      }
    });
    for (const { file } of others) removeDatabase(file);
    return orphans.filter((orphan) => !isOld(orphan));
  } finally {
    for (const other of others) other.database.close();
  }
}

interface OtherJournal {
  readonly file: string;
  readonly database: DatabaseSync;
  readonly table: RecordTable;
}

function openIfFree(file: string): OtherJournal | undefined {
  try {
    const database = openDatabase(file, journalSchema, OPTIONS);
    return { file, database, table: new RecordTable(database) };
  } catch {
    // Somebody has it; or it is damaged, and then whoever has to open it says so.
    return undefined;
  }
}

/** While it is open, so that nobody takes it for his own meanwhile. */
function removeDatabase(file: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
}

function otherJournals(folder: string, own: string): string[] {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .map((name) => join(folder, name))
    .filter((file) => file !== own && existsSync(file));
}

function isTaken(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'unavailable' && isBusy(error);
}
