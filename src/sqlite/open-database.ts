import type * as Sqlite from 'node:sqlite';
import type { DatabaseSync } from 'node:sqlite';
import { DatabaseError, toDatabaseError } from './database-error.ts';
import { makePrivateFile } from './private-file.ts';
import { inTransaction } from './transaction.ts';

/** What a database is for, and how it came to be. */
export interface DatabaseSchema {
  /** Told from databases of other programs by it: 32 bits, `PRAGMA application_id`. */
  readonly applicationId: number;
  /** Statements that lead from one version to the next; never changed once released, only added to. */
  readonly migrations: readonly string[];
}

export interface OpenOptions {
  /** How long a statement waits for another connection's write lock. It blocks the event loop meanwhile. */
  readonly busyTimeoutMs: number;
  /** Nobody else may open it as long as this connection lives: the kernel lets go of the lock however that ends. */
  readonly isExclusive?: boolean;
}

/** Bytes that the write-ahead log keeps on disk once its contents have gone into the database. */
const WAL_LIMIT = 4 * 1024 * 1024;

/**
 * Opens a database in WAL mode, makes it if it is not there and brings it to the newest version. `:memory:` is one of
 * its own. Throws DatabaseError.
 */
export function openDatabase(path: string, schema: DatabaseSchema, options: OpenOptions): DatabaseSync {
  if (path !== ':memory:') makePrivateFile(path);
  let database: DatabaseSync | undefined;
  try {
    database = new (loadSqlite().DatabaseSync)(path);
    database.exec(`PRAGMA busy_timeout = ${options.busyTimeoutMs}`);
    if (options.isExclusive === true) database.exec('PRAGMA locking_mode = EXCLUSIVE');
    checkOrigin(database, schema);
    // Takes effect in a new database only, and before its first table.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
    database.exec(
      `PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = ${WAL_LIMIT}`,
    );
    migrate(database, schema);
    // The lock comes with the first write.
    if (options.isExclusive === true) inTransaction(database, () => {});
    return database;
  } catch (error) {
    database?.close();
    throw toDatabaseError(error);
  }
}

/** Throws DatabaseError when the file belongs to another program or to a newer version of this one. */
export function checkOrigin(database: DatabaseSync, { applicationId, migrations }: DatabaseSchema): void {
  // In one transaction: another process may be making it just now.
  database.exec('BEGIN');
  const found = readPragma(database, 'application_id');
  const version = readPragma(database, 'user_version');
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  database.exec('COMMIT');
  const isNew = found === 0 && version === 0 && tables === 0;
  if (found !== applicationId && !isNew)
    throw new DatabaseError('not-a-database', 'it is a database of another program');
  if (version > migrations.length)
    throw new DatabaseError('newer', 'it was written by a newer version of rbit-ts');
}

function migrate(database: DatabaseSync, { applicationId, migrations }: DatabaseSchema): void {
  if (readPragma(database, 'user_version') === migrations.length) return;
  inTransaction(database, () => {
    // Read again: another process may have been quicker.
    for (const statements of migrations.slice(readPragma(database, 'user_version')))
      database.exec(statements);
    database.exec(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = ${applicationId}`);
  });
}

/** The value of a pragma that is a number. */
export function readPragma(database: DatabaseSync, name: string): number {
  const [value] = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {});
  return Number(value);
}

/** Loaded when it is needed, and without the warning of Node 22 that it is experimental, which no user can act on. */
export function loadSqlite(): typeof Sqlite {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
