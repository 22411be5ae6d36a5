// What rbit-ts costs on the embedded queue, beside what the same SQLite transactions cost without it.
//
//   npm run bench:embedded [-- --rounds 5 --jobs 20000]
//
// Both sides do for each job: claim its message, write "started", write the final reply and take the message off
// (one transaction), with the same statements, pragmas and disk. The bare side does it in a loop, in batches of as
// many jobs as the other side runs at once; rbit-ts does it as a daemon, with a no-op module in a thread. Rounds of
// both alternate, so that a busy moment of the machine meets both.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Broker } from '../src/broker/broker.ts';
import { createEmbeddedBroker } from '../src/broker/embedded/embedded-broker.ts';
import { encodeProperties } from '../src/broker/embedded/properties.ts';
import { queueSchema } from '../src/broker/embedded/schema.ts';
import { tablesOf } from '../src/broker/embedded/tables.ts';
import { openDatabase } from '../src/sqlite/open-database.ts';
import { inTransaction } from '../src/sqlite/transaction.ts';

const CLI = fileURLToPath(new URL('../src/cli/bin.ts', import.meta.url));
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, jobs: { type: 'string', default: '20000' } },
});
const rounds = Number(values.rounds);

const message = {
  body: Buffer.from('{"parameters":{"command":"noop"}}'),
  properties: {
    contentType: 'application/json',
    correlationId: 'bench',
    messageId: 'bench',
    replyTo: 'replies',
  },
};
const reply = {
  body: Buffer.from('{"status":"completed"}'),
  properties: encodeProperties({ appId: 'noop', correlationId: 'bench', replyTo: 'log', persistent: true }),
};

/** Jobs per second of bare SQLite. */
function runBare(folder: string, jobs: number, atOnce: number): number {
  const database = openDatabase(join(folder, 'queue.sqlite'), queueSchema, { busyTimeoutMs: 1000 });
  const { messages, queues } = tablesOf(database);
  const [queue, replies] = [queues.findOrMake('jobs'), queues.findOrMake('replies')];
  const properties = encodeProperties(message.properties);
  inTransaction(database, () => {
    for (let job = 0; job < jobs; job += 1)
      messages.insert({ queue, due: 0, properties, body: message.body });
  });
  const answer = (): void => messages.insert({ queue: replies, due: 0, ...reply });
  const since = performance.now();
  for (let done = 0; done < jobs; done += atOnce) {
    database.exec('PRAGMA synchronous = NORMAL');
    const claimed = inTransaction(database, () => messages.claim(queue, 'bench', atOnce));
    database.exec('PRAGMA synchronous = FULL');
    inTransaction(database, () => claimed.forEach(answer));
    inTransaction(database, () => {
      for (const { id } of claimed) {
        messages.remove(id, 'bench');
        answer();
      }
    });
  }
  const seconds = (performance.now() - since) / 1000;
  database.close();
  return jobs / seconds;
}

/** Jobs per second of a daemon, from its first reply to its last. */
async function runDaemon(folder: string, jobs: number, atOnce: number): Promise<number> {
  writeFileSync(join(folder, 'noop.mjs'), 'export default async () => {};\n');
  const ini = `[rbit]
queue-mappings = jobs:noop
state-dir = .
log-level = warn
[runner:noop]
runner = module!noop.mjs
concurrency = ${atOnce}
`;
  writeFileSync(join(folder, 'bench.ini'), ini);
  const file = join(folder, 'queue.sqlite');
  const broker = createEmbeddedBroker({ file, exchange: 'rbit', queues: new Map() });
  broker.start();
  await broker.prepare('jobs');
  await broker.prepare('replies');
  for (let sent = 0; sent < jobs; sent += 1000) {
    const some = Array.from({ length: Math.min(1000, jobs - sent) }, () =>
      broker.publish({ exchange: '', routingKey: 'jobs', ...message }),
    );
    await Promise.all(some);
  }
  const daemon = spawn(process.execPath, [CLI, join(folder, 'bench.ini')], { stdio: 'inherit' });
  try {
    return await measure(broker, jobs);
  } finally {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
    await broker.close(2000);
  }
}

/** Counts the replies while they are written; looking costs the daemon nothing. */
async function measure(broker: Broker, jobs: number): Promise<number> {
  let [first, since] = [0, 0];
  const limit = performance.now() + 120_000;
  for (;;) {
    const written = (await broker.count('replies')) ?? 0;
    const now = performance.now();
    if (first === 0 && written > 0) [first, since] = [written, now];
    if (written >= 2 * jobs) return (jobs - first / 2) / ((now - since) / 1000);
    if (now > limit) throw new Error(`${written} replies of ${2 * jobs} after two minutes`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function inFolder<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function describe(numbers: readonly number[]): string {
  const [low = 0, high = 0] = [Math.min(...numbers), Math.max(...numbers)].map(Math.round);
  return `${String(Math.round(median(numbers))).padStart(7)} [${low} to ${high}]`;
}

process.stdout.write(
  `No-op jobs per second on the embedded queue: median of ${rounds} rounds [lowest to highest]\n\n`,
);
process.stdout.write('at once  rbit-ts, module! in a thread  bare SQLite                ratio\n');
for (const [atOnce, share] of [
  [1, 0.1],
  [10, 0.5],
  [100, 1],
] as const) {
  const jobs = Math.max(100, Math.round(Number(values.jobs) * share));
  const [daemon, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    daemon.push(await inFolder((folder) => runDaemon(folder, jobs, atOnce)));
    bare.push(await inFolder((folder) => runBare(folder, jobs, atOnce)));
  }
  const ratio = median(daemon.map((ours, round) => ours / (bare[round] ?? Number.NaN)));
  process.stdout.write(
    `${String(atOnce).padStart(7)}  ${describe(daemon).padEnd(28)}  ${describe(bare).padEnd(25)}  ${ratio.toFixed(2)}\n`,
  );
}
