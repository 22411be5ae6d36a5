import type { DatabaseSync } from 'node:sqlite';
import { type Prepared, prepare } from '../../sqlite/prepared.ts';
import { topicMatches } from './topic.ts';

/**
 * So long what was found is believed where no transaction keeps others from changing it: to ask takes a lock, for each
 * reply and each line of output.
 */
const KNOWN_FOR_MS = 10;

/** A queue apart from its file: with its owner, if it is temporary, and the owners that consume it. */
export interface ListedQueue {
  readonly name: string;
  readonly owner: string | undefined;
  readonly consumers: readonly string[];
}

interface Binding {
  readonly queue: number;
  readonly pattern: string;
}

/** Queues, what leads to them, and who consumes them. Nothing here begins a transaction. */
export class QueueTable {
  /** Ids by name; undefined: there is no such queue. */
  readonly #known = new Map<string, number | undefined>();
  #knownBindings: readonly Binding[] | undefined;
  #knownSince = 0;
  readonly #list: Prepared;
  readonly #find: Prepared;
  readonly #make: Prepared;
  readonly #remove: Prepared;
  readonly #owner: Prepared;
  readonly #ownedBy: Prepared;
  readonly #bindings: Prepared;
  readonly #bind: Prepared;
  readonly #unbind: Prepared;
  readonly #addConsumer: Prepared;
  readonly #removeConsumer: Prepared;
  readonly #consumers: Prepared;
  readonly #owners: Prepared;
  readonly #isConsumer: Prepared;
  readonly #forgetConsumers: Prepared;

  constructor(database: DatabaseSync) {
    const statement = (sql: string): Prepared => prepare(database, sql);
    this.#list = statement('SELECT id, name, owner FROM queues');
    this.#find = statement('SELECT id FROM queues WHERE name = ?');
    this.#make = statement('INSERT INTO queues (name, owner) VALUES (?, ?) RETURNING id');
    this.#remove = statement('DELETE FROM queues WHERE id = ?');
    this.#owner = statement('SELECT owner FROM queues WHERE id = ?');
    this.#ownedBy = statement('SELECT id FROM queues WHERE owner = ?');
    this.#bindings = statement('SELECT queue, pattern FROM bindings');
    this.#bind = statement('INSERT OR IGNORE INTO bindings (queue, pattern) VALUES (?, ?)');
    this.#unbind = statement('DELETE FROM bindings WHERE queue = ?');
    this.#addConsumer = statement('INSERT OR IGNORE INTO consumers (queue, owner) VALUES (?, ?)');
    this.#removeConsumer = statement('DELETE FROM consumers WHERE queue = ? AND owner = ?');
    this.#consumers = statement('SELECT owner FROM consumers WHERE queue = ?');
    this.#owners = statement(`
      SELECT owner FROM consumers
      UNION SELECT owner FROM queues WHERE owner IS NOT NULL
      UNION SELECT owner FROM messages WHERE owner IS NOT NULL`);
    this.#isConsumer = statement('SELECT 1 FROM consumers WHERE queue = ? AND owner = ?');
    this.#forgetConsumers = statement('DELETE FROM consumers WHERE owner = ?');
  }

  /** Drops what is known of queues and bindings: others may have written, or what was written here is undone. */
  forget(): void {
    this.#known.clear();
    this.#knownBindings = undefined;
    this.#knownSince = performance.now();
  }

  list(): ListedQueue[] {
    const rows = this.#list.all() as unknown as { id: number; name: string; owner: string | null }[];
    return rows.map(({ id, name, owner }) => {
      return { name, owner: owner ?? undefined, consumers: this.consumersOf(id) };
    });
  }

  /** Has what was listed of another file. Owners that are here already have said themselves what they consume. */
  restore(listed: readonly ListedQueue[]): void {
    const here = new Set(this.owners());
    for (const { name, owner, consumers } of listed) {
      const id = this.findOrMake(name, owner);
      for (const consumer of consumers) if (!here.has(consumer)) this.addConsumer(id, consumer);
    }
  }

  /** Id of a queue, if it is there. */
  find(name: string): number | undefined {
    this.#forgetOld();
    const known = this.#known.get(name);
    if (known !== undefined || this.#known.has(name)) return known;
    const found = this.#find.get(name)?.['id'];
    const id = typeof found === 'number' ? found : undefined;
    this.#known.set(name, id);
    return id;
  }

  /** Id of a queue, which is made if it is missing; with `owner` it is temporary. */
  findOrMake(name: string, owner?: string): number {
    const found = this.find(name);
    if (found !== undefined) return found;
    const made = Number(this.#make.get(name, owner ?? null)?.['id']);
    this.#known.set(name, made);
    return made;
  }

  /** Removes a queue and what leads to it; its messages are the caller's to remove. */
  remove(id: number): void {
    this.forget();
    this.#unbind.run(id);
    this.#remove.run(id);
  }

  isTemporary(id: number): boolean {
    return typeof this.#owner.get(id)?.['owner'] === 'string';
  }

  /** Ids of an owner's temporary queues. */
  ownedBy(owner: string): number[] {
    return this.#ownedBy.all(owner).map(({ id }) => Number(id));
  }

  /** Lets these patterns lead to a queue, and no others. */
  bind(id: number, patterns: readonly string[]): void {
    this.#knownBindings = undefined;
    this.#unbind.run(id);
    for (const pattern of patterns) this.#bind.run(id, pattern);
  }

  /** Ids of the queues that a topic publication reaches, each once. */
  boundTo(routingKey: string): number[] {
    this.#forgetOld();
    this.#knownBindings ??= this.#bindings.all() as unknown as Binding[];
    const reached = this.#knownBindings.filter(({ pattern }) => topicMatches(pattern, routingKey));
    return [...new Set(reached.map(({ queue }) => queue))];
  }

  #forgetOld(): void {
    if (performance.now() - this.#knownSince > KNOWN_FOR_MS) this.forget();
  }

  /** Names of all that own anything: a message, a queue, a consumer. */
  owners(): string[] {
    return this.#owners.all().map(({ owner }) => String(owner));
  }

  /** Forgets an owner's consumers. */
  forgetConsumers(owner: string): void {
    this.#forgetConsumers.run(owner);
  }

  addConsumer(queue: number, owner: string): void {
    this.#addConsumer.run(queue, owner);
  }

  isConsumer(queue: number, owner: string): boolean {
    return this.#isConsumer.get(queue, owner) !== undefined;
  }

  removeConsumer(queue: number, owner: string): void {
    this.#removeConsumer.run(queue, owner);
  }

  /** Owners that consume a queue. */
  consumersOf(queue: number): string[] {
    return this.#consumers.all(queue).map(({ owner }) => String(owner));
  }
}
