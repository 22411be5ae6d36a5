import type { DatabaseSync } from 'node:sqlite';
import type { Publication } from '../broker/broker.ts';
import type { Disposal, Verdict } from '../job/verdict.ts';
import { type Prepared, prepare } from '../sqlite/prepared.ts';
import type { DatabaseSchema } from '../sqlite/open-database.ts';
import type { Ending } from './journal.ts';
import type { Identity } from './message-print.ts';
import type { JobRecord, RecordState } from './record.ts';

export const journalSchema: DatabaseSchema = {
  // "rbij" in ASCII.
  applicationId: 0x7262696a,
  migrations: [
    `
    CREATE TABLE records (
      id INTEGER PRIMARY KEY,
      queue TEXT NOT NULL,
      print TEXT NOT NULL,
      identity TEXT NOT NULL,
      reply_id TEXT NOT NULL,
      crashes INTEGER NOT NULL,
      state TEXT NOT NULL,
      released_at INTEGER,
      verdict TEXT,
      reply TEXT,
      reply_body BLOB
    ) STRICT;
    `,
  ],
};

interface Row {
  readonly id: number;
  readonly queue: string;
  readonly print: string;
  readonly identity: Identity;
  readonly reply_id: string;
  readonly crashes: number;
  readonly state: RecordState;
  readonly released_at: number | null;
  readonly verdict: string | null;
  readonly reply: string | null;
  readonly reply_body: Uint8Array | null;
}

/** The records as they lie in a file. Nothing here begins a transaction. */
export class RecordTable {
  readonly #insert: Prepared;
  readonly #writeEnding: Prepared;
  readonly #update: Prepared;
  readonly #remove: Prepared;
  readonly #releaseAll: Prepared;
  readonly #all: Prepared;

  constructor(database: DatabaseSync) {
    const statement = (sql: string): Prepared => prepare(database, sql);
    this.#insert = statement(
      `INSERT OR REPLACE INTO records (id, queue, print, identity, reply_id, crashes, state, released_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#writeEnding = statement(
      'UPDATE records SET state = ?, released_at = ?, verdict = ?, reply = ?, reply_body = ? WHERE id = ?',
    );
    this.#update = statement('UPDATE records SET state = ?, released_at = ? WHERE id = ?');
    this.#remove = statement('DELETE FROM records WHERE id = ?');
    this.#releaseAll = statement('UPDATE records SET released_at = ? WHERE released_at IS NULL');
    this.#all = statement('SELECT * FROM records ORDER BY released_at, rowid');
  }

  /** Writes all of a record, whether it is there or not. */
  save(record: JobRecord): void {
    this.insert(record);
    if (record.ending !== undefined) this.writeEnding(record);
  }

  insert({ id, message, replyId, crashes, state, releasedAtMs }: JobRecord): void {
    const { queue, print, identity } = message;
    this.#insert.run(id, queue, print, identity, replyId, crashes, state, releasedAtMs ?? null);
  }

  writeEnding({ id, state, releasedAtMs, ending }: JobRecord): void {
    const [verdict, reply, body] = ending === undefined ? [null, null, null] : encodeEnding(ending);
    this.#writeEnding.run(state, releasedAtMs ?? null, verdict, reply, body, id);
  }

  update({ id, state, releasedAtMs }: JobRecord): void {
    this.#update.run(state, releasedAtMs ?? null, id);
  }

  remove({ id }: Pick<JobRecord, 'id'>): void {
    this.#remove.run(id);
  }

  /** Nobody holds anything any more: that was an orderly end. */
  releaseAll(atMs: number): void {
    this.#releaseAll.run(atMs);
  }

  /** What a daemon left that has gone, the longest released first. What was held when it went, it went with. */
  readOrphans(nowMs: number): JobRecord[] {
    return (this.#all.all() as unknown as Row[]).map((row) => ({
      id: row.id,
      message: { queue: row.queue, print: row.print, identity: row.identity },
      replyId: row.reply_id,
      crashes: row.crashes + (row.state === 'begun' && row.released_at === null ? 1 : 0),
      state: row.state,
      ending: decodeEnding(row),
      releasedAtMs: row.released_at ?? nowMs,
      wasOrphaned: row.released_at === null || row.state === 'acking',
    }));
  }
}

/** Without the job's data, which is in the reply: it may be anything, and large. */
function encodeEnding({ verdict, reply }: Ending): [string, string | null, Uint8Array | null] {
  const { outcome, reply: told, disposal, because } = verdict;
  const text = JSON.stringify({
    outcome: { ...outcome, data: undefined },
    reply: told === undefined ? undefined : { ...told, data: undefined },
    disposal: { ...disposal, headers: undefined },
    // A header that is undefined is taken off, so it must not get lost on the way.
    headers: disposal.kind === 'ack' ? [] : Object.entries(disposal.headers),
    because,
  });
  if (reply === undefined) return [text, null, null];
  const { body, ...rest } = reply;
  return [text, JSON.stringify(rest), body];
}

function decodeEnding({ state, verdict, reply, reply_body: body }: Row): Ending | undefined {
  if (verdict === null) return undefined;
  const { headers, disposal, ...rest } = JSON.parse(verdict) as Verdict & { headers: [string, unknown][] };
  return {
    verdict: { ...rest, disposal: withHeaders(disposal, headers) },
    isReplied: state === 'replied' || state === 'acking',
    ...(reply === null
      ? {}
      : { reply: { ...(JSON.parse(reply) as Publication), body: Buffer.from(body ?? []) } }),
  };
}

function withHeaders(disposal: Disposal, entries: readonly (readonly [string, unknown])[]): Disposal {
  if (disposal.kind === 'ack') return disposal;
  // JSON has null for it.
  return {
    ...disposal,
    headers: Object.fromEntries(entries.map(([name, value]) => [name, value ?? undefined])),
  };
}
