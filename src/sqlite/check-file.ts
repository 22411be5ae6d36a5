import { constants, existsSync, statSync } from 'node:fs';
import { access } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { DatabaseError, type DatabaseErrorKind, toDatabaseError } from './database-error.ts';
import { checkOrigin, type DatabaseSchema, loadSqlite, openDatabase } from './open-database.ts';

/** Why a file cannot be the database that it should be, in words for the user. */
export interface FileProblem {
  readonly kind: DatabaseErrorKind;
  readonly message: string;
}

/** How long another process may keep the file to itself. */
const BUSY_TIMEOUT_MS = 1_000;

/** Opens the file as a program does that writes to it, which makes it and brings it up to date, and closes it. Says why that cannot be. */
export async function tryFile(file: string, schema: DatabaseSchema): Promise<FileProblem | undefined> {
  const problem = await checkFile(file, schema);
  if (problem !== undefined) return problem;
  try {
    openDatabase(file, schema, { busyTimeoutMs: BUSY_TIMEOUT_MS }).close();
    return undefined;
  } catch (error) {
    return problemOf(error);
  }
}

/** As `tryFile`, by looking alone: nothing is made or changed, and a file that is not there yet is no problem. */
export async function checkFile(file: string, schema: DatabaseSchema): Promise<FileProblem | undefined> {
  if (!existsSync(file)) return undefined;
  // To open a pipe would wait for somebody at its other end.
  if (!statSync(file).isFile()) return { kind: 'not-a-database', message: 'it is not a file' };
  try {
    await access(file, constants.R_OK | constants.W_OK);
  } catch {
    return { kind: 'not-writable', message: 'it may not be read and written' };
  }
  const looked = lookInto(file, schema, () => undefined);
  return looked.problem;
}

/** Reads from a file without changing anything there. */
export function lookInto<T>(
  file: string,
  schema: DatabaseSchema,
  read: (database: DatabaseSync) => T,
): { readonly found: T; readonly problem?: undefined } | { readonly problem: FileProblem } {
  let database: DatabaseSync | undefined;
  try {
    database = openToRead(file);
    checkOrigin(database, schema);
    return { found: read(database) };
  } catch (error) {
    return { problem: problemOf(error) };
  } finally {
    database?.close();
  }
}

/**
 * Whoever opens a database that has a write-ahead log, if only to read it, leaves two files beside it. So one that
 * nobody has open is declared immutable, which it is as long as it has no such log.
 */
function openToRead(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1');
  const database = new (loadSqlite().DatabaseSync)(url, { readOnly: true });
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return database;
}

function problemOf(error: unknown): FileProblem {
  const known = toDatabaseError(error);
  if (!(known instanceof DatabaseError)) throw known;
  return { kind: known.kind, message: known.message };
}
