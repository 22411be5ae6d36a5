// What a worker must write down to know its jobs again after a crash, and no more: that a job was begun, how it ended, and that
// its message is about to be acknowledged. On SQLite: what one turn of the loop writes is a transaction.

import { DatabaseSync } from 'node:sqlite';

/** Opens it on a file that is not there yet. Each of its functions resolves when that is written; `forget` is not waited for. */
export function openJournal(file) {
  const database = new DatabaseSync(file);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE records (id INTEGER PRIMARY KEY, print TEXT, state TEXT, reply BLOB) STRICT;
  `);
  const begin = database.prepare('BEGIN');
  const commit = database.prepare('COMMIT');
  const insert = database.prepare("INSERT INTO records (id, print, state) VALUES (?, ?, 'begun')");
  const end = database.prepare("UPDATE records SET state = 'ended', reply = ? WHERE id = ?");
  const ack = database.prepare("UPDATE records SET state = 'acking' WHERE id = ?");
  const remove = database.prepare('DELETE FROM records WHERE id = ?');
  let steps = [];
  let turn;

  function flush() {
    const batch = steps;
    steps = [];
    turn = undefined;
    begin.run();
    for (const { work } of batch) work();
    commit.run();
    for (const { resolve } of batch) resolve?.();
  }

  function write(work) {
    return new Promise((resolve) => {
      steps.push({ work, resolve });
      turn ??= setImmediate(flush);
    });
  }

  return {
    begun: (id, print) => write(() => insert.run(id, print)),
    ended: (id, reply) => write(() => end.run(reply, id)),
    acking: (id) => write(() => ack.run(id)),
    forget: (id) => void steps.push({ work: () => remove.run(id) }),
  };
}
