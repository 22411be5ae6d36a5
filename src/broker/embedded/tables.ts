import type { DatabaseSync } from 'node:sqlite';
import type { Committer } from '../../sqlite/committer.ts';
import { MessageTable } from './message-table.ts';
import { QueueTable } from './queue-table.ts';

/** What one connection to the database can do. */
export interface Tables {
  readonly messages: MessageTable;
  readonly queues: QueueTable;
}

/** What a transaction brought about that somebody may be waiting for. */
export interface Changes {
  /** Queues with messages that were not ready before. */
  readonly ready: Set<number>;
  /** Queues with messages that will be ready later. */
  readonly delayed: Set<number>;
}

/** Writes to the queue's database. */
export type QueueCommitter = Committer<Tables, Changes>;

export function tablesOf(database: DatabaseSync): Tables {
  return { messages: new MessageTable(database), queues: new QueueTable(database) };
}
