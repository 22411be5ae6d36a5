import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Committer, createCommitter } from '../../src/sqlite/committer.ts';
import { openDatabase, readPragma } from '../../src/sqlite/open-database.ts';
import { eventually } from '../support/eventually.ts';

const NORMAL = 1;
const FULL = 2;
const schema = { applicationId: 1, migrations: ['CREATE TABLE things (id INTEGER PRIMARY KEY) STRICT'] };

let folder: string;
let file: string;
let isAway: boolean;
let lostAtMs: number[];
let committer: Committer<DatabaseSync, undefined>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rbit-committer-'));
  file = join(folder, 'some.sqlite');
  isAway = false;
  lostAtMs = [];
  committer = createCommitter<DatabaseSync, undefined>({
    file: () => file,
    open() {
      if (isAway) throw new Error('away');
      return openDatabase(file, schema, { busyTimeoutMs: 0 });
    },
    tablesOf: (database) => database,
    noChanges: () => undefined,
    errorOf: (kind, message) => new Error(`${kind}: ${message}`),
    onOpen: () => {},
    onLost: () => lostAtMs.push(performance.now()),
  });
  committer.start();
});
afterEach(() => {
  committer.close();
  rmSync(folder, { recursive: true });
});

function synchronous(mustLast: boolean): Promise<number> {
  return committer.commit({ mustLast, work: (database) => readPragma(database, 'synchronous') });
}

/** Somebody takes the file away, and the committer notices. */
function lose(): void {
  renameSync(file, `${file}.away`);
  committer.checkFile();
}

describe('a file that was replaced', () => {
  test('is written with no more flushes than the one before', async () => {
    expect([await synchronous(false), await synchronous(true)]).toStrictEqual([NORMAL, FULL]);
    expect(await synchronous(false)).toBe(NORMAL);
    lose();
    expect(await synchronous(false)).toBe(NORMAL);
    expect(await synchronous(true)).toBe(FULL);
  });

  test('is tried again when that is due, and no sooner for what waited when it went', async () => {
    await synchronous(false);
    isAway = true;
    committer.commitLater(() => {});
    lose();
    await eventually(() => lostAtMs.length === 3, 'two tries');
    const [first = 0, second = 0, third = 0] = lostAtMs;
    // After 100 and 200 ms; a timer may be early by a part of a millisecond.
    expect(second - first).toBeGreaterThan(95);
    expect(third - second).toBeGreaterThan(195);
  });

  test('is tried again once at a time, also if it could not be written before it went', async () => {
    await synchronous(false);
    const hopeless = committer.commit({
      mustLast: false,
      work: (database) => database.exec('PRAGMA max_page_count = 1; CREATE TABLE more (id INTEGER)'),
    });
    hopeless.catch(() => {});
    await eventually(() => lostAtMs.length === 1, 'the disk being full');
    isAway = true;
    lose();
    await eventually(() => lostAtMs.length === 3, 'a try');
    const [, second = 0, third = 0] = lostAtMs;
    expect(third - second).toBeGreaterThan(195);
  });
});

test('what nobody waits for is written by itself after a while', async () => {
  let isWritten = false;
  committer.commitLater(() => {
    isWritten = true;
  });
  await eventually(() => isWritten, 'the write');
});
