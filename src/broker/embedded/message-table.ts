import type { DatabaseSync } from 'node:sqlite';
import { type Prepared, prepare } from '../../sqlite/prepared.ts';

/** A message as it lies in its table. */
export interface StoredMessage {
  readonly id: number;
  /** Its queue's id. */
  readonly queue: number;
  /** 1 or 0. */
  readonly redelivered: number;
  /** How often an owner went without a word while it held the message. */
  readonly crashes: number;
  /** As `encodeProperties` wrote them. */
  readonly properties: string;
  /** Empty when it is large. */
  readonly body: Uint8Array;
  /** Where a large body lies: see `largeBody`. */
  readonly large: number | null;
}

export interface NewMessage {
  readonly queue: number;
  /** Milliseconds since 1970; 0: at once. */
  readonly due: number;
  readonly properties: string;
  readonly body: Uint8Array;
}

/** A message in hand, as it lay in another file. */
export interface HeldMessage extends Omit<StoredMessage, 'large'> {
  /** Whether the end of its owner counts against it. */
  readonly isBlamed: boolean;
}

/** Where a held message goes instead. */
export interface Move {
  readonly queue: number;
  readonly due: number;
  readonly properties: string;
}

type LyingMessage = Pick<StoredMessage, 'queue' | 'properties' | 'body' | 'large'> & {
  readonly owner: string | null;
  readonly due: number;
};

/** Bytes from which on a body does not lie with its message. */
const LARGE = 16 * 1024;
const NOTHING = new Uint8Array();

const READY = 'queue = ? AND owner IS NULL AND due = 0';
/** With a mere `?` SQLite would plan the statement anew, for longer than it runs, each time that it is used. */
const LIMIT = '? + 0';
const NEXT_ID = '(SELECT coalesce(max(id), 0) + 1 FROM messages)';

/** The messages of all queues. Nothing here begins a transaction; each method is one step of one. */
export class MessageTable {
  readonly #insert: Prepared;
  readonly #oldest: Prepared;
  readonly #claim: Prepared;
  readonly #hasReady: Prepared;
  readonly #remove: Prepared;
  readonly #move: Prepared;
  readonly #release: Prepared;
  readonly #blame: Prepared;
  readonly #releaseAll: Prepared;
  readonly #due: Prepared;
  readonly #promote: Prepared;
  readonly #nextDue: Prepared;
  readonly #count: Prepared;
  readonly #hasHeader: Prepared;
  readonly #clear: Prepared;
  readonly #find: Prepared;
  readonly #hold: Prepared;
  readonly #insertHeld: Prepared;
  readonly #insertBody: Prepared;
  readonly #readBody: Prepared;
  readonly #removeBody: Prepared;
  readonly #clearBodies: Prepared;

  constructor(database: DatabaseSync) {
    const statement = (sql: string): Prepared => prepare(database, sql);
    this.#insert = statement(
      'INSERT INTO messages (queue, due, redelivered, properties, body, large) VALUES (?, ?, 0, ?, ?, ?)',
    );
    this.#oldest = statement(`
      SELECT id, queue, redelivered, crashes, properties, body, large FROM messages
      WHERE ${READY} ORDER BY id LIMIT ${LIMIT}`);
    this.#claim = statement(
      `UPDATE messages SET owner = ?, blamed = (crashes = 0) WHERE ${READY} AND id <= ?`,
    );
    this.#hasReady = statement(`SELECT 1 FROM messages WHERE ${READY} LIMIT 1`);
    this.#remove = statement('DELETE FROM messages WHERE id = ? AND owner = ?');
    this.#move = statement(`
      UPDATE messages SET id = ${NEXT_ID}, queue = ?, due = ?, properties = ?, owner = NULL, redelivered = 0, crashes = 0
      WHERE id = ? AND owner = ?`);
    this.#release = statement('UPDATE messages SET owner = NULL WHERE id = ? AND owner = ?');
    this.#blame = statement('UPDATE messages SET blamed = ? WHERE id = ? AND owner = ?');
    this.#releaseAll = statement(
      'UPDATE messages SET owner = NULL, redelivered = 1, crashes = crashes + (? AND blamed) WHERE owner = ? RETURNING queue',
    );
    this.#due = statement(
      `SELECT id, queue FROM messages WHERE due > 0 AND due <= ? ORDER BY due, id LIMIT ${LIMIT}`,
    );
    this.#promote = statement(`UPDATE messages SET id = ${NEXT_ID}, due = 0 WHERE id = ?`);
    this.#nextDue = statement('SELECT min(due) AS due FROM messages WHERE due > 0');
    this.#count = statement(`SELECT count(*) AS count FROM messages WHERE ${READY}`);
    this.#hasHeader = statement('SELECT 1 FROM messages WHERE queue = ? AND properties ->> ? = ? LIMIT 1');
    this.#clear = statement('DELETE FROM messages WHERE queue = ?');
    this.#find = statement('SELECT queue, owner, due, properties, body, large FROM messages WHERE id = ?');
    this.#hold = statement('UPDATE messages SET owner = ?, blamed = ? WHERE id = ?');
    this.#insertHeld = statement(`
      INSERT INTO messages (id, queue, due, owner, redelivered, crashes, blamed, properties, body, large)
      VALUES (coalesce(?, ${NEXT_ID}), ?, 0, ?, ?, ?, ?, ?, ?, ?) RETURNING id`);
    this.#insertBody = statement('INSERT INTO bodies (bytes) VALUES (?) RETURNING id');
    this.#readBody = statement('SELECT bytes FROM bodies WHERE id = ?');
    this.#removeBody = statement('DELETE FROM bodies WHERE id = ?');
    this.#clearBodies = statement(
      'DELETE FROM bodies WHERE id IN (SELECT large FROM messages WHERE queue = ? AND large IS NOT NULL)',
    );
  }

  /** Adds a message at the tail. */
  insert({ queue, due, properties, body }: NewMessage): void {
    const large = this.#largeOf(body);
    this.#insert.run(queue, due, properties, large === null ? body : NOTHING, large);
  }

  /**
   * Has a message in hand that came from another file: as it lies in this one too, which may be a copy of that, or added
   * at its old place if that is free. Undefined: somebody else has it in hand here.
   */
  hold(message: HeldMessage, owner: string): Pick<StoredMessage, 'id' | 'large'> | undefined {
    const { id, queue, properties, body } = message;
    const blamed = message.isBlamed ? 1 : 0;
    const there = this.#find.get(id) as unknown as LyingMessage | undefined;
    if (there !== undefined && this.#isSame(there, message)) {
      if (there.owner !== null) return undefined;
      this.#hold.run(owner, blamed, id);
      return { id, large: there.large };
    }
    const large = this.#largeOf(body);
    const { redelivered, crashes } = message;
    const place = there === undefined ? id : null;
    const small = large === null ? body : NOTHING;
    const added = this.#insertHeld.get(
      place,
      queue,
      owner,
      redelivered,
      crashes,
      blamed,
      properties,
      small,
      large,
    );
    return { id: Number(added?.['id']), large };
  }

  #isSame(there: LyingMessage, { queue, properties, body }: HeldMessage): boolean {
    if (there.queue !== queue || there.due !== 0 || there.properties !== properties) return false;
    const found = there.large === null ? there.body : this.largeBody(there.large);
    return found !== undefined && Buffer.compare(found, body) === 0;
  }

  /** Where a body lies that is too large to lie with its message. */
  #largeOf(body: Uint8Array): number | null {
    return body.length > LARGE ? Number(this.#insertBody.get(body)?.['id']) : null;
  }

  /** The oldest ready messages of a queue, `limit` at most; they are `owner`'s from now on. */
  claim(queue: number, owner: string, limit: number): StoredMessage[] {
    const claimed = this.#oldest.all(queue, limit) as unknown as StoredMessage[];
    const last = claimed.at(-1);
    // Nobody else writes meanwhile, so that these are the same.
    if (last !== undefined) this.#claim.run(owner, queue, last.id);
    return claimed;
  }

  /** The large body of a message that is held. */
  largeBody(large: number): Uint8Array | undefined {
    return this.#readBody.get(large)?.['bytes'] as Uint8Array | undefined;
  }

  hasReady(queue: number): boolean {
    return this.#hasReady.get(queue) !== undefined;
  }

  /** Takes off a held message. False: `owner` does not hold it. */
  remove({ id, large }: Pick<StoredMessage, 'id' | 'large'>, owner: string): boolean {
    const isRemoved = this.#remove.run(id, owner).changes > 0;
    if (isRemoved && large !== null) this.#removeBody.run(large);
    return isRemoved;
  }

  /** Puts a held message, as a new one, at the tail of a queue. False: `owner` does not hold it. */
  move(id: number, owner: string, { queue, due, properties }: Move): boolean {
    return this.#move.run(queue, due, properties, id, owner).changes > 0;
  }

  /** Puts a message that nobody has seen back to its old place. */
  release(id: number, owner: string): void {
    this.#release.run(id, owner);
  }

  /** Whether the end of its owner counts against a held message. */
  blame(id: number, owner: string, counts: boolean): void {
    this.#blame.run(counts ? 1 : 0, id, owner);
  }

  /**
   * Puts all that an owner holds back to its old place, as redelivered; `crashed`: it went without a word. Returns
   * the queues, each once.
   */
  releaseAll(owner: string, crashed: boolean): Set<number> {
    return new Set(this.#releaseAll.all(crashed ? 1 : 0, owner).map((row) => Number(row['queue'])));
  }

  /** Makes ready what is due, in the order of the times, `limit` at most. Returns the queues, each once. */
  promote(now: number, limit: number): Set<number> {
    const due = this.#due.all(now, limit);
    for (const { id } of due) this.#promote.run(Number(id));
    return new Set(due.map(({ queue }) => Number(queue)));
  }

  /** When the next delayed message is due, in milliseconds since 1970. */
  nextDue(): number | undefined {
    const due = this.#nextDue.get()?.['due'];
    return typeof due === 'number' ? due : undefined;
  }

  /** How many messages of a queue are ready. */
  count(queue: number): number {
    return Number(this.#count.get(queue)?.['count']);
  }

  /** Whether any message of a queue, held ones as well, has this text in a header. `header` is a name without quotes. */
  hasHeader(queue: number, header: string, text: string): boolean {
    return this.#hasHeader.get(queue, `$.headers."${header}"`, text) !== undefined;
  }

  /** Removes all messages of a queue, held ones as well. */
  clear(queue: number): void {
    this.#clearBodies.run(queue);
    this.#clear.run(queue);
  }
}
