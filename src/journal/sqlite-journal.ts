import { settledWithin } from '../broker/limit.ts';
import { createCommitter } from '../sqlite/committer.ts';
import type { Step } from '../sqlite/step.ts';
import type { Journal } from './journal.ts';
import { journalFile, openFreeJournal, takeOver } from './journal-file.ts';
import type { JobRecord, RecordStore } from './record.ts';
import { createRecordBook } from './record-book.ts';
import { RecordTable } from './record-table.ts';

const waitForEver = (): Promise<never> => new Promise(() => {});

/** How often it is seen after that the file is still there. */
const LOOK_EVERY_MS = 5_000;
const GOODBYE_LIMIT_MS = 1_000;

export interface SqliteJournalOptions {
  /** The state folder, which must be there. */
  readonly folder: string;
  /** It can be written, for the first time or again. */
  readonly onOpen: (file: string) => void;
  /** Nothing can be written down: no job may begin or end. What waits is tried again after `retryInMs`. */
  readonly onLost: (reason: string, retryInMs: number) => void;
}

/** A journal that outlives its daemon. */
export interface SqliteJournal extends Journal {
  /** Opens the file, and goes on trying until `close`. */
  start(): void;
  /** Ends in order: what was in hand does not count as a crash. What is written after it waits for ever. */
  close(): Promise<void>;
}

/**
 * A journal in a file of the state folder. A write lives on when the process is killed; when the machine loses its
 * power the last few may be gone, and the jobs that they were about run again, since their messages are the broker's.
 */
export function createSqliteJournal({ folder, onOpen, onLost }: SqliteJournalOptions): SqliteJournal {
  const opened = Promise.withResolvers<void>();
  let file = journalFile(folder);
  let orphans: readonly JobRecord[] = [];
  let book: ReturnType<typeof createRecordBook> | undefined;
  let looking: NodeJS.Timeout | undefined;

  const committer = createCommitter<RecordTable, undefined>({
    file: () => file,
    tablesOf: (database) => new RecordTable(database),
    noChanges: () => undefined,
    errorOf: (kind, message) => new Error(`the journal: ${message} (${kind})`),
    open() {
      const free = openFreeJournal(folder);
      file = free.file;
      try {
        if (book === undefined) orphans = takeOver(folder, file, free.database);
        return free.database;
      } catch (error) {
        // Its lock would keep the next try, and what is in it, away.
        free.database.close();
        throw error;
      }
    },
    onOpen() {
      if (book === undefined) book = createRecordBook(store, { known: orphans });
      else saveAll(book.records());
      orphans = [];
      opened.resolve();
      onOpen(file);
    },
    onLost,
  });

  const store: RecordStore = {
    insert: (record) => write((table) => table.insert(record)),
    writeEnding: (record) =>
      write((table) => table.writeEnding(record), record.ending?.reply?.body.length ?? 0),
    update,
    remove: (record) => write((table) => table.remove(record)),
    forget: (record) => committer.commitLater((table) => table.remove(record)),
  };

  /** What comes after the end waits for ever: a job must neither begin nor end without being written down. */
  function write(work: Step<void, RecordTable, undefined>['work'], bytes = 0): Promise<void> {
    return committer.commit({ mustLast: false, bytes, work }).catch(waitForEver);
  }

  /** Of two updates of one record in one transaction the second would write the same again. */
  function update(record: JobRecord): Promise<void> {
    record.update ??= write((table) => {
      record.update = undefined;
      table.update(record);
    });
    return record.update;
  }

  /** The file was removed or replaced: all that is known goes into the new one. */
  function saveAll(records: readonly JobRecord[]): void {
    void write((table) => {
      for (const record of records) table.save(record);
    });
  }

  async function whenOpen(): Promise<Journal> {
    await opened.promise;
    if (book === undefined) throw new Error('an open journal has a book');
    return book;
  }

  return {
    start() {
      committer.start();
      looking ??= setInterval(() => committer.checkFile(), LOOK_EVERY_MS).unref();
    },
    begin: (message) => book?.begin(message) ?? whenOpen().then((journal) => journal.begin(message)),
    recall: async (message) => (await whenOpen()).recall(message),
    find: async (replyId) => (await whenOpen()).find(replyId),
    hasSettled: (message) => book?.hasSettled(message) === true,
    hasUnanswered: (queue) => book?.hasUnanswered(queue) === true,
    unanswered: (queue, beforeMs) => book?.unanswered(queue, beforeMs) ?? [],
    expire: (queue, beforeMs) => book?.expire(queue, beforeMs),
    async close() {
      clearInterval(looking);
      const goodbye = committer.commit({
        mustLast: false,
        work: (table) => table.releaseAll(Date.now()),
      });
      await settledWithin(goodbye, GOODBYE_LIMIT_MS);
      committer.close();
    },
  };
}
