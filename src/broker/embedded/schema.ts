import type { DatabaseSchema } from '../../sqlite/open-database.ts';

/*
 * A message is ready, delayed or held:
 *
 *   ready    due = 0, owner null        handed out in the order of `id`
 *   delayed  due = ms since 1970        becomes ready, at the tail, when its time has come
 *   held     owner = a broker's name    in somebody's hands until settled, or until that broker has gone
 *
 * A large body lies in a table of its own, since a message is written anew each time that it changes hands.
 *
 * An owner is a broker that consumes; it holds a lock on the file of its name (presence.ts) as long as its process
 * lives. A queue with an owner is temporary and goes with it.
 */
export const queueSchema: DatabaseSchema = {
  // "rbit" in ASCII.
  applicationId: 0x72626974,
  migrations: [
    `
    CREATE TABLE queues (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      owner TEXT
    ) STRICT;

    CREATE TABLE bindings (
      queue INTEGER NOT NULL,
      pattern TEXT NOT NULL,
      PRIMARY KEY (queue, pattern)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE consumers (
      queue INTEGER NOT NULL,
      owner TEXT NOT NULL,
      PRIMARY KEY (queue, owner)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE messages (
      id INTEGER PRIMARY KEY,
      queue INTEGER NOT NULL,
      due INTEGER NOT NULL,
      owner TEXT,
      redelivered INTEGER NOT NULL,
      properties TEXT NOT NULL,
      body BLOB NOT NULL,
      large INTEGER
    ) STRICT;
    CREATE TABLE bodies (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE INDEX ready ON messages (queue, id) WHERE owner IS NULL AND due = 0;
    CREATE INDEX delayed ON messages (due) WHERE due > 0;
    CREATE INDEX held ON messages (owner) WHERE owner IS NOT NULL;
    `,
    // How often an owner went without a word while it held the message, and whether it counts if the next one does.
    `
    ALTER TABLE messages ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE messages ADD COLUMN blamed INTEGER NOT NULL DEFAULT 1;
    `,
  ],
};
