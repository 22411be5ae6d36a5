import type { DatabaseSync } from 'node:sqlite';
import { type Prepared, prepare } from './prepared.ts';
import { topicMatches } from './topic.ts';

/** Queues, what leads to them, and who consumes them. Nothing here begins a transaction. */
export class QueueTable {
  readonly #find: Prepared;
  readonly #make: Prepared;
  readonly #remove: Prepared;
  readonly #ownedBy: Prepared;
  readonly #bindings: Prepared;
  readonly #bind: Prepared;
  readonly #unbind: Prepared;
  readonly #addConsumer: Prepared;
  readonly #removeConsumer: Prepared;
  readonly #consumers: Prepared;
  readonly #addOwner: Prepared;
  readonly #owners: Prepared;
  readonly #forgetOwner: Prepared;
  readonly #forgetConsumers: Prepared;

  constructor(database: DatabaseSync) {
    const statement = (sql: string): Prepared => prepare(database, sql);
    this.#find = statement('SELECT id FROM queues WHERE name = ?');
    this.#make = statement('INSERT INTO queues (name, owner) VALUES (?, ?) RETURNING id');
    this.#remove = statement('DELETE FROM queues WHERE id = ?');
    this.#ownedBy = statement('SELECT id FROM queues WHERE owner = ?');
    this.#bindings = statement('SELECT queue, pattern FROM bindings');
    this.#bind = statement('INSERT OR IGNORE INTO bindings (queue, pattern) VALUES (?, ?)');
    this.#unbind = statement('DELETE FROM bindings WHERE queue = ?');
    this.#addConsumer = statement('INSERT OR IGNORE INTO consumers (queue, owner) VALUES (?, ?)');
    this.#removeConsumer = statement('DELETE FROM consumers WHERE queue = ? AND owner = ?');
    this.#consumers = statement('SELECT owner FROM consumers WHERE queue = ?');
    this.#addOwner = statement('INSERT OR IGNORE INTO owners (name) VALUES (?)');
    this.#owners = statement('SELECT name FROM owners');
    this.#forgetOwner = statement('DELETE FROM owners WHERE name = ?');
    this.#forgetConsumers = statement('DELETE FROM consumers WHERE owner = ?');
  }

  /** Id of a queue, if it is there. */
  find(name: string): number | undefined {
    const id = this.#find.get(name)?.['id'];
    return typeof id === 'number' ? id : undefined;
  }

  /** Id of a queue, which is made if it is missing; with `owner` it is temporary. */
  findOrMake(name: string, owner?: string): number {
    return this.find(name) ?? Number(this.#make.get(name, owner ?? null)?.['id']);
  }

  /** Removes a queue and what leads to it; its messages are the caller's to remove. */
  remove(id: number): void {
    this.#unbind.run(id);
    this.#remove.run(id);
  }

  /** Ids of an owner's temporary queues. */
  ownedBy(owner: string): number[] {
    return this.#ownedBy.all(owner).map(({ id }) => Number(id));
  }

  /** Lets these patterns lead to a queue, and no others. */
  bind(id: number, patterns: readonly string[]): void {
    this.#unbind.run(id);
    for (const pattern of patterns) this.#bind.run(id, pattern);
  }

  /** Ids of the queues that a topic publication reaches, each once. */
  boundTo(routingKey: string): number[] {
    const reached = this.#bindings.all().filter(({ pattern }) => topicMatches(String(pattern), routingKey));
    return [...new Set(reached.map(({ queue }) => Number(queue)))];
  }

  addOwner(name: string): void {
    this.#addOwner.run(name);
  }

  owners(): string[] {
    return this.#owners.all().map(({ name }) => String(name));
  }

  /** Forgets an owner and its consumers. */
  forgetOwner(name: string): void {
    this.#forgetConsumers.run(name);
    this.#forgetOwner.run(name);
  }

  addConsumer(queue: number, owner: string): void {
    this.#addConsumer.run(queue, owner);
  }

  removeConsumer(queue: number, owner: string): void {
    this.#removeConsumer.run(queue, owner);
  }

  /** Owners that consume a queue. */
  consumersOf(queue: number): string[] {
    return this.#consumers.all(queue).map(({ owner }) => String(owner));
  }
}
