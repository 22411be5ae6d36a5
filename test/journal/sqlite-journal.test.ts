import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Identity, MessagePrint } from '../../src/journal/message-print.ts';
import { createSqliteJournal, type SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { reply, verdict } from '../fixtures/journal/ending.ts';
import { eventually } from '../support/eventually.ts';

const HOLDER = fileURLToPath(new URL('../fixtures/journal/holder.ts', import.meta.url));

const printed = (print: string, identity: Identity = 'message'): MessagePrint => ({
  queue: 'q',
  print,
  identity,
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-journal-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A journal on a folder, with what it announced. */
function open(folder: string): { journal: SqliteJournal; told: string[] } {
  const told: string[] = [];
  const journal = createSqliteJournal({
    folder,
    onOpen: (file) => told.push(`open ${file}`),
    onLost: (reason) => told.push(`lost ${reason}`),
  });
  onTestFinished(() => journal.close());
  journal.start();
  return { journal, told };
}

/** A process that holds a record in each state, until it is killed. */
async function holder(folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLDER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

describe('what a daemon that was killed has written', () => {
  it('is there for the next one: verdict, reply and all', async () => {
    const folder = newFolder();
    await kill(await holder(folder));
    const { journal } = open(folder);
    const ended = await journal.recall(printed('ended'));
    expect(ended?.ending).toStrictEqual({ verdict, reply, isReplied: false });
    expect((await journal.recall(printed('replied')))?.ending?.isReplied).toBe(true);
    expect((await journal.recall(printed('acking')))?.ending?.isReplied).toBe(true);
    expect(await journal.recall(printed('settled'))).toBeUndefined();
    expect(journal.hasSettled(printed('copy', 'copy'))).toBe(true);
  });

  it('counts each job that was running as a crash of that job, and nothing else', async () => {
    const folder = newFolder();
    await kill(await holder(folder));
    const first = open(folder).journal;
    const crashes = async (journal: SqliteJournal, print: string) =>
      (await journal.recall(printed(print)))?.crashes;
    expect(await crashes(first, 'begun')).toBe(1);
    expect(await crashes(first, 'released')).toBe(0);
    expect(await crashes(first, 'ended')).toBe(0);
    await first.close();
    // An orderly end is none, and what was recalled and did not run again had no part in the next one.
    expect(await crashes(open(folder).journal, 'begun')).toBe(1);
  });

  it('settles nothing that may be an equal, later step: its acknowledgement may have arrived', async () => {
    const folder = newFolder();
    await kill(await holder(folder));
    const { journal } = open(folder);
    expect(await journal.recall(printed('step', 'correlation'))).toBeUndefined();
    expect((await journal.recall(printed('step-ended', 'correlation')))?.ending).toBeDefined();
    expect(await journal.recall(printed('step-lost', 'correlation'))).toBeUndefined();
  });

  it('is taken over by whoever comes, whichever file it is in, and once', async () => {
    const folder = newFolder();
    const [first, second] = [await holder(folder), await holder(folder)];
    expect(readdirSync(folder).filter((name) => name.endsWith('.sqlite'))).toStrictEqual([
      'journal-2.sqlite',
      'journal.sqlite',
    ]);
    await kill(second);
    const { journal, told } = open(folder);
    expect(told).toStrictEqual([`open ${join(folder, 'journal-2.sqlite')}`]);
    expect((await journal.recall(printed('ended')))?.ending).toBeDefined();
    expect(await journal.recall(printed('ended'))).toBeUndefined();
    await kill(first);
    const third = open(folder).journal;
    expect((await third.recall(printed('ended')))?.ending).toBeDefined();
    expect(await third.recall(printed('ended'))).toBeUndefined();
  });

  it('of several is all moved into the first journal, and their files go', async () => {
    const folder = newFolder();
    const both = [await holder(folder), await holder(folder)];
    for (const child of both) await kill(child);
    const { journal } = open(folder);
    for (const _ of both) expect((await journal.recall(printed('ended')))?.ending).toBeDefined();
    expect(await journal.recall(printed('ended'))).toBeUndefined();
    expect(readdirSync(folder).filter((name) => name.startsWith('journal-2'))).toStrictEqual([]);
  });
});

describe('a journal that cannot be written', () => {
  it('says so, keeps every step waiting, and writes them all once it can', async () => {
    const folder = newFolder();
    const { journal, told } = open(folder);
    const entry = await journal.begin(printed('a'));
    const file = join(folder, 'journal.sqlite');
    rmSync(folder, { recursive: true });
    await eventually(() => told.some((line) => line.startsWith('lost')), 'the loss', 15_000);
    const written = entry.ended(verdict, reply);
    mkdirSync(folder);
    await written;
    expect(told.at(-1)).toBe(`open ${file}`);
    await entry.released();
    await journal.close();
    const database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare('SELECT print, state FROM records').all()).toEqual([
      { print: 'a', state: 'ended' },
    ]);
    database.close();
  });
});

describe('the size of a journal', () => {
  it('is that of the jobs in hand, not of those that were', async () => {
    const folder = newFolder();
    const { journal } = open(folder);
    for (let count = 0; count < 5_000; count += 1) {
      const entry = await journal.begin(printed(`m${count}`));
      await entry.ended(verdict, reply);
      await entry.acking();
      await entry.settled();
    }
    await journal.close();
    const database = new DatabaseSync(join(folder, 'journal.sqlite'), { readOnly: true });
    const [{ pages } = { pages: 0 }] = database
      .prepare('SELECT page_count AS pages FROM pragma_page_count')
      .all() as {
      pages: number;
    }[];
    expect(pages).toBeLessThan(50);
    database.close();
  });
});

describe('what need not be known any more', () => {
  /** The journal of the next daemon, if the one of this folder were killed now. */
  function asAfterKill(folder: string): SqliteJournal {
    const copy = newFolder();
    for (const name of readdirSync(folder)) cpSync(join(folder, name), join(copy, name));
    return open(copy).journal;
  }

  it('is gone from the file soon, though nothing else is written', async () => {
    const folder = newFolder();
    const { journal } = open(folder);
    const entry = await journal.begin(printed('one'));
    await entry.ended(verdict, reply);
    await entry.acking();
    await entry.settled();
    await eventually(
      async () => (await asAfterKill(folder).recall(printed('one'))) === undefined,
      'a file without it',
    );
  });

  it('is gone before that is said where a crash must not bring it back', async () => {
    const folder = newFolder();
    const { journal } = open(folder);
    const entry = await journal.begin(printed('one'));
    await entry.ended(verdict, reply);
    await entry.settled('now');
    expect(await asAfterKill(folder).recall(printed('one'))).toBeUndefined();
  });

  it('is gone after an orderly end', async () => {
    const folder = newFolder();
    const { journal } = open(folder);
    const entry = await journal.begin(printed('one'));
    await entry.ended(verdict, reply);
    await entry.settled();
    await journal.close();
    expect(await open(folder).journal.recall(printed('one'))).toBeUndefined();
  });

  it('is gone in the next turn, if it is a reply that was sent for a message that is gone', async () => {
    const folder = newFolder();
    const { journal } = open(folder);
    const entry = await journal.begin(printed('one', 'correlation'));
    await entry.ended(verdict, reply);
    await entry.released();
    const [unanswered] = journal.unanswered('q', Date.now() + 1_000);
    unanswered?.forget();
    await nextTurn();
    await nextTurn();
    const next = asAfterKill(folder);
    await next.find('');
    expect(next.hasUnanswered('q')).toBe(false);
  });
});
