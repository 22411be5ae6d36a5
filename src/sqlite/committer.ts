import { EventEmitter, once } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import { isBusy, primaryCode, toDatabaseError } from './database-error.ts';
import { freePages } from './free-pages.ts';
import { Gathering } from './gathering.ts';
import { inodeOf } from './inode.ts';
import { attempt, batchLength, MOST_STEPS, type Step, UNHEARD, type WaitingStep } from './step.ts';
import { inTransaction } from './transaction.ts';

/*
 * What is written in one turn of the event loop, or a few, becomes one transaction: what costs is its flush, whatever is in it.
 *
 *   step, step, step … ──gathered─→ BEGIN, each step, COMMIT ──→ each step's promise, `onCommitted`
 *
 * When the disk is full or the file cannot be opened, the steps wait and are tried again in their order, with
 * backoff. Another process that writes is waited for likewise, a few milliseconds at a time, so that jobs go on.
 */

const BUSY_RETRY_MS = 3;
/** Nobody writes for so long: it is stopped in the middle, or backs up the file. */
const LONG_BUSY_MS = 2_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export interface CommitterOptions<Tables, Changes> {
  /** Where the database is, once it is open. */
  readonly file: () => string;
  readonly open: () => DatabaseSync;
  /** What steps do their work with, made anew for each opening of the database. */
  readonly tablesOf: (database: DatabaseSync) => Tables;
  /** Has them drop what they remember: a transaction begins, before which others may have written, or one was undone. */
  readonly forget?: (tables: Tables) => void;
  /** An empty note of what a transaction brings about, which its steps write to. */
  readonly noChanges: () => Changes;
  /** The file was removed or replaced. Returns the first work in the one that takes its place: it brings along what is to stay. */
  readonly onLeave?: () => Step<void, Tables, Changes>['work'];
  /** What a step is rejected with: `refused` for its own fault, `closed` when it came too late. */
  readonly errorOf: (kind: 'refused' | 'closed', message: string) => Error;
  /** The database is open, for the first time or again after a failure. */
  readonly onOpen: () => void;
  /** It cannot be written; what waits is tried again after `retryInMs`. */
  readonly onLost: (reason: string, retryInMs: number) => void;
  /** Hears of each transaction before its steps' promises do. */
  readonly onCommitted?: (changes: Changes) => void;
}

export interface Committer<Tables, Changes> {
  /** True while the database is open and takes what is written. */
  readonly isOpen: boolean;
  /** Beside that, not too much waits already. */
  readonly hasRoom: boolean;
  readonly isClosed: boolean;
  /** Opens the database; goes on trying until `close`. */
  start(): void;
  /** Does a step in the next transaction; resolves when that is committed. Rejects when it is closed first. */
  commit<T>(step: Step<T, Tables, Changes>): Promise<T>;
  /** Does it with the next transaction, for the sake of which none begins soon: nobody waits for it. */
  commitLater(work: Step<void, Tables, Changes>['work']): void;
  /** Reads at once, apart from what waits to be written. Undefined while the database cannot be read. */
  read<T>(query: (tables: Tables) => T): T | undefined;
  /** Resolves when there is room for more. Rejects when `signal` aborts or it is closed. */
  writable(signal?: AbortSignal): Promise<void>;
  /** Opens the file anew if it is not the one that was opened: somebody removed or replaced it. */
  checkFile(): void;
  /** Frees pages that nobody uses any more, some of them. */
  shrink(): void;
  close(): void;
}

/** Nothing is opened before `start`. */
export function createCommitter<Tables, Changes>({
  file,
  open,
  tablesOf,
  forget = () => {},
  noChanges,
  onLeave,
  errorOf,
  onOpen,
  onLost,
  onCommitted = () => {},
}: CommitterOptions<Tables, Changes>): Committer<Tables, Changes> {
  const changed = new EventEmitter<{ committed: [] }>().setMaxListeners(0);
  const closing = new AbortController();
  let opened: ReturnType<typeof openTables> | undefined;
  /** What `onLeave` returned, until it is done. */
  let moveIn: ReturnType<NonNullable<typeof onLeave>> | undefined;
  let isHealthy = false;
  let isStarted = false;
  let lasts: boolean | undefined;
  let waiting: WaitingStep<Tables, Changes>[] = [];
  let retryMs = FIRST_RETRY_MS;
  let busySince: number | undefined;
  const gathering = new Gathering(() => waiting.length, flush);
  let retry: NodeJS.Timeout | undefined;

  function schedule(): void {
    if (isStarted && retry === undefined) gathering.start();
  }

  function flush(): void {
    gathering.stop();
    retry = undefined;
    if (closing.signal.aborted) return;
    const batch = waiting.slice(0, batchLength(waiting));
    const changes = noChanges();
    let ends: (() => void)[];
    try {
      if (leaveLost()) return;
      ends = transact(batch, changes);
    } catch (error) {
      busySince ??= performance.now();
      const isShort = isBusy(error) && performance.now() - busySince < LONG_BUSY_MS;
      return isShort ? again(BUSY_RETRY_MS) : fail(error);
    }
    moveIn = undefined;
    waiting = waiting.slice(batch.length);
    heal();
    onCommitted(changes);
    for (const end of ends) end();
    changed.emit('committed');
    if (waiting.length > 0) schedule();
  }

  /** Returns what settles the steps' promises once the transaction stands. */
  function transact(batch: readonly WaitingStep<Tables, Changes>[], changes: Changes): (() => void)[] {
    opened ??= openTables();
    const { database, tables } = opened;
    if (batch.length === 0 && moveIn === undefined) return [];
    const mustLast = moveIn !== undefined || batch.some(({ step }) => step.mustLast);
    if (mustLast !== lasts) database.exec(`PRAGMA synchronous = ${mustLast ? 'FULL' : 'NORMAL'}`);
    lasts = mustLast;
    try {
      return inTransaction(database, () => {
        forget(tables);
        moveIn?.(tables, changes);
        return batch.map((one) => attempt(one, tables, changes, errorOf));
      });
    } catch (error) {
      forget(tables);
      throw error;
    }
  }

  function openTables() {
    const database = open();
    lasts = undefined;
    return { database, tables: tablesOf(database), inode: inodeOf(file()) };
  }

  /** True: it was removed or replaced, so what would be written to it would be gone. */
  function leaveLost(): boolean {
    if (opened === undefined || opened.inode === inodeOf(file())) return false;
    moveIn = onLeave?.();
    opened.database.close();
    opened = undefined;
    fail(new Error('it was removed or replaced; only what is in hand is left of it'));
    return true;
  }

  function again(inMs: number): void {
    // One way leads to the next transaction, and takes all that waits.
    gathering.stop();
    clearTimeout(retry);
    retry = setTimeout(flush, inMs);
  }

  function fail(error: unknown): void {
    const { message } = toDatabaseError(error) as Error;
    isHealthy = false;
    onLost(`${file()}: ${message}`, retryMs);
    again(retryMs);
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  }

  function hasRoom(): boolean {
    return isHealthy && waiting.length < MOST_STEPS;
  }

  function heal(): void {
    busySince = undefined;
    if (isHealthy) return;
    isHealthy = true;
    retryMs = FIRST_RETRY_MS;
    onOpen();
  }

  return {
    get isOpen() {
      return isHealthy;
    },
    get hasRoom() {
      return hasRoom();
    },
    get isClosed() {
      return closing.signal.aborted;
    },
    start() {
      isStarted = true;
      // Now rather than in the next turn: whoever starts a broker on a sound file can use it at once.
      flush();
    },
    commit<T>(step: Step<T, Tables, Changes>) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      if (closing.signal.aborted) reject(errorOf('closed', 'it is closed'));
      else {
        waiting.push({ step, resolve: resolve as (result: unknown) => void, reject });
        schedule();
      }
      return promise;
    },
    commitLater(work) {
      if (closing.signal.aborted) return;
      waiting.push({ step: { mustLast: false, work }, ...UNHEARD });
      if (isStarted && retry === undefined) gathering.startLater();
    },
    read(query) {
      try {
        return opened === undefined ? undefined : query(opened.tables);
      } catch (error) {
        if (primaryCode(error) === undefined) throw error;
        return undefined;
      }
    },
    async writable(signal) {
      const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
      either.throwIfAborted();
      while (!hasRoom()) await once(changed, 'committed', { signal: either });
    },
    checkFile: () => void leaveLost(),
    shrink() {
      if (opened !== undefined && isHealthy && waiting.length === 0) freePages(opened.database);
    },
    close() {
      closing.abort();
      isHealthy = false;
      gathering.stop();
      clearTimeout(retry);
      for (const { reject } of waiting.splice(0)) reject(errorOf('closed', 'it is closed'));
      opened?.database.close();
      opened = undefined;
    },
  };
}
