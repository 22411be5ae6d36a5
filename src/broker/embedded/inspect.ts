import { constants, existsSync, statSync } from 'node:fs';
import { access } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { DatabaseError, type DatabaseErrorKind, toDatabaseError } from '../../sqlite/database-error.ts';
import { checkOrigin, loadSqlite, openDatabase } from '../../sqlite/open-database.ts';
import { queueSchema } from './schema.ts';

/** Why a file cannot be the embedded broker's, in words for the user. */
export interface QueueFileProblem {
  readonly kind: DatabaseErrorKind;
  readonly message: string;
}

/** What is on one queue. */
export interface EmbeddedQueue {
  readonly name: string;
  /** Those that wait to be handed out. */
  readonly messages: number;
  readonly delayed: number;
  /** In the hands of a daemon, or of one that died. */
  readonly delivered: number;
  readonly consumers: number;
}

/** What the file holds; `problem` when it cannot be looked into. */
export type EmbeddedInspection =
  | { readonly queues: readonly EmbeddedQueue[] }
  | { readonly problem: QueueFileProblem };

/** How long another process may keep the file to itself. */
const BUSY_TIMEOUT_MS = 1_000;

/** Opens the file as the broker does, which makes it and brings it up to date, and closes it. Says why that cannot be. */
export async function tryQueueFile(file: string): Promise<QueueFileProblem | undefined> {
  const problem = await checkQueueFile(file);
  if (problem !== undefined) return problem;
  try {
    openDatabase(file, queueSchema, { busyTimeoutMs: BUSY_TIMEOUT_MS }).close();
    return undefined;
  } catch (error) {
    return problemOf(error);
  }
}

/** As `tryQueueFile`, by looking alone: nothing is made or changed, and a file that is not there yet is no problem. */
export async function checkQueueFile(file: string): Promise<QueueFileProblem | undefined> {
  if (!existsSync(file)) return undefined;
  // To open a pipe would wait for somebody at its other end.
  if (!statSync(file).isFile()) return { kind: 'not-a-database', message: 'it is not a file' };
  try {
    await access(file, constants.R_OK | constants.W_OK);
  } catch {
    return { kind: 'not-writable', message: 'it may not be read and written' };
  }
  const looked = look(file, () => []);
  return 'problem' in looked ? looked.problem : undefined;
}

/** Counts what is on each queue, by its name. Changes nothing; undefined when there is no such file. */
export function inspectEmbedded(file: string): EmbeddedInspection | undefined {
  return existsSync(file) ? look(file, countQueues) : undefined;
}

function look(file: string, read: (database: DatabaseSync) => EmbeddedQueue[]): EmbeddedInspection {
  let database: DatabaseSync | undefined;
  try {
    database = openToRead(file);
    checkOrigin(database, queueSchema);
    return { queues: read(database) };
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

function countQueues(database: DatabaseSync): EmbeddedQueue[] {
  const isNew = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'queues'").get() === undefined;
  if (isNew) return [];
  const rows = database
    .prepare(
      `SELECT name,
         (SELECT count(*) FROM messages WHERE queue = queues.id AND owner IS NULL AND due = 0) AS messages,
         (SELECT count(*) FROM messages WHERE queue = queues.id AND due > 0) AS delayed,
         (SELECT count(*) FROM messages WHERE queue = queues.id AND owner IS NOT NULL) AS delivered,
         (SELECT count(*) FROM consumers WHERE queue = queues.id) AS consumers
       FROM queues ORDER BY name`,
    )
    .all();
  return rows.map(({ name, messages, delayed, delivered, consumers }) => ({
    name: String(name),
    messages: Number(messages),
    delayed: Number(delayed),
    delivered: Number(delivered),
    consumers: Number(consumers),
  }));
}

function problemOf(error: unknown): QueueFileProblem {
  const known = toDatabaseError(error);
  if (!(known instanceof DatabaseError)) throw known;
  return { kind: known.kind, message: known.message };
}
