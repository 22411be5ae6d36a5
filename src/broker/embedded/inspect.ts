import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type FileProblem, lookInto } from '../../sqlite/check-file.ts';
import { queueSchema } from './schema.ts';

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
  | { readonly problem: FileProblem };

/** Counts what is on each queue, by its name. Changes nothing; undefined when there is no such file. */
export function inspectEmbedded(file: string): EmbeddedInspection | undefined {
  if (!existsSync(file)) return undefined;
  const looked = lookInto(file, queueSchema, countQueues);
  return looked.problem === undefined ? { queues: looked.found } : { problem: looked.problem };
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
