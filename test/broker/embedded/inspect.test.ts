import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectEmbedded } from '../../../src/broker/embedded/inspect.ts';
import { queueSchema } from '../../../src/broker/embedded/schema.ts';
import { checkFile, tryFile } from '../../../src/sqlite/check-file.ts';

const tryQueueFile = (file: string) => tryFile(file, queueSchema);
const checkQueueFile = (file: string) => checkFile(file, queueSchema);

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-inspect-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file of the embedded broker, in a folder with any characters that a URL would mind. */
async function queueFile(): Promise<string> {
  const folder = join(emptyFolder(), 'a?b #c%20');
  mkdirSync(folder);
  const file = join(folder, 'queue.sqlite');
  expect(await tryQueueFile(file)).toBeUndefined();
  return file;
}

/** What a broker leaves there, in the words of the schema. */
function fill(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  database.exec(`
    INSERT INTO queues (id, name, owner) VALUES (1, 'jobs', NULL), (2, 'jobs.dead', NULL), (3, 'reply', 'me');
    INSERT INTO consumers (queue, owner) VALUES (1, 'me'), (1, 'you');
  `);
  const insert = database.prepare(
    "INSERT INTO messages (queue, due, owner, redelivered, properties, body) VALUES (?, ?, ?, 0, '{}', x'')",
  );
  for (const row of [
    [1, 0, null],
    [1, 0, null],
    [1, 0, null],
    [1, Date.now() + 60_000, null],
    [1, 0, 'me'],
    [1, 0, 'you'],
    [2, 0, null],
  ])
    insert.run(...row);
  return database;
}

const FILLED = {
  queues: [
    { name: 'jobs', messages: 3, delayed: 1, delivered: 2, consumers: 2 },
    { name: 'jobs.dead', messages: 1, delayed: 0, delivered: 0, consumers: 0 },
    { name: 'reply', messages: 0, delayed: 0, delivered: 0, consumers: 0 },
  ],
};

describe('the queues of a file are counted', () => {
  it('while a daemon has it open', async () => {
    const file = await queueFile();
    const database = fill(file);
    expect(inspectEmbedded(file)).toEqual(FILLED);
    database.close();
  });

  it('while nobody has it open, and nothing is left beside it', async () => {
    const file = await queueFile();
    fill(file).close();
    const before = statSync(file).mtimeMs;
    expect(inspectEmbedded(file)).toEqual(FILLED);
    expect(await checkQueueFile(file)).toBeUndefined();
    expect(readdirSync(join(file, '..'))).toEqual(['queue.sqlite']);
    expect(statSync(file).mtimeMs).toBe(before);
  });

  it('as none in a file that is empty yet', () => {
    const file = join(emptyFolder(), 'queue.sqlite');
    writeFileSync(file, '');
    expect(inspectEmbedded(file)).toEqual({ queues: [] });
  });

  it('unless there is no file: and none is made', async () => {
    const folder = emptyFolder();
    const file = join(folder, 'queue.sqlite');
    expect(inspectEmbedded(file)).toBeUndefined();
    expect(await checkQueueFile(file)).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a file that is not the embedded broker’s is told, and left as it is', () => {
  it.each([
    ['not-a-database', async (file: string) => writeFileSync(file, 'once upon a time '.repeat(100))],
    [
      'not-a-database',
      async (file: string) => {
        const other = new DatabaseSync(file);
        other.exec('CREATE TABLE songs (name TEXT)');
        other.close();
      },
    ],
    [
      'newer',
      async (file: string) => {
        await tryQueueFile(file);
        const newer = new DatabaseSync(file);
        newer.exec('PRAGMA user_version = 999');
        newer.close();
      },
    ],
  ])('%s', async (kind, make) => {
    const file = join(emptyFolder(), 'queue.sqlite');
    await make(file);
    const { mtimeMs, size } = statSync(file);
    const problem = { kind, message: expect.stringMatching(/^it is|^it was/) };
    expect(inspectEmbedded(file)).toEqual({ problem });
    expect(await checkQueueFile(file)).toEqual(problem);
    expect(await tryQueueFile(file)).toEqual(problem);
    expect(statSync(file)).toMatchObject({ mtimeMs, size });
  });

  it.each([
    ['a folder', (file: string) => mkdirSync(file)],
    ['a pipe, without waiting for its other end', (file: string) => execFileSync('mkfifo', [file])],
  ])('%s', async (_, make) => {
    const file = join(emptyFolder(), 'queue.sqlite');
    make(file);
    for (const problem of [await tryQueueFile(file), await checkQueueFile(file)])
      expect(problem).toEqual({ kind: 'not-a-database', message: 'it is not a file' });
  });
});
