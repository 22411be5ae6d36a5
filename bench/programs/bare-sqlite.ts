// The ceiling of the embedded queue: the same transactions on SQLite, in a loop.
//
//   node bare-sqlite.ts FOLDER JOBS AT-ONCE
//
// For each job: claim its message, write "started", write the final reply and take the message off (one transaction),
// with the same statements, pragmas and disk, in batches of as many jobs as the other side runs at once.

import { join } from 'node:path';
import { encodeProperties } from '../../src/broker/embedded/properties.ts';
import { queueSchema } from '../../src/broker/embedded/schema.ts';
import { tablesOf } from '../../src/broker/embedded/tables.ts';
import { openDatabase } from '../../src/sqlite/open-database.ts';
import { inTransaction } from '../../src/sqlite/transaction.ts';
import { JOB } from '../subjects/embedded-job.ts';

const [folder = '', jobsText = '0', atOnceText = '1'] = process.argv.slice(2);
const [jobs, atOnce] = [Number(jobsText), Number(atOnceText)];
const reply = {
  body: Buffer.from('{"status":"completed"}'),
  properties: encodeProperties({ appId: 'noop', correlationId: 'bench', replyTo: 'log', persistent: true }),
};

const database = openDatabase(join(folder, 'queue.sqlite'), queueSchema, { busyTimeoutMs: 1000 });
const { messages, queues } = tablesOf(database);
const [queue, replies] = [queues.findOrMake('jobs'), queues.findOrMake('replies')];
const properties = encodeProperties(JOB.properties);
inTransaction(database, () => {
  for (let job = 0; job < jobs; job += 1) messages.insert({ queue, due: 0, properties, body: JOB.body });
});

const answer = (): void => messages.insert({ queue: replies, due: 0, ...reply });
const since = performance.now();
for (let done = 0; done < jobs; done += atOnce) {
  database.exec('PRAGMA synchronous = NORMAL');
  const claimed = inTransaction(database, () => messages.claim(queue, 'bench', atOnce));
  database.exec('PRAGMA synchronous = FULL');
  inTransaction(database, () => claimed.forEach(answer));
  inTransaction(database, () => {
    for (const message of claimed) {
      messages.remove(message, 'bench');
      answer();
    }
  });
}
process.send?.({ seconds: (performance.now() - since) / 1000 });
database.close();
