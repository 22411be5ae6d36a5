import { closeSync, fchownSync, fstatSync, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LineSplitter } from '../child/lines.ts';
import { removeFile } from '../child/remove-file.ts';
import type { StdioFolder } from '../child/stdio-folder.ts';
import { within } from '../child/within.ts';
import { LARGEST_DATA_BYTES } from './data-limits.ts';

/** Progress is for people: so often is good enough, and costs a job of many seconds nothing. */
const LOOK_EVERY_MS = 200;
/** So much is read at once; other jobs come between. */
const CHUNK_BYTES = 256 * 1024;
/** More than a report is, by far: who writes so much does not stop. */
const MOST_BYTES = 4 * LARGEST_DATA_BYTES;
/** How long a job waits until what it has put in the place of its report is removed. */
const REMOVE_LIMIT_MS = 5_000;

/** Who reads a report. */
export interface ReportReader {
  /** Takes each line that is complete, at the end also one that is not. */
  readonly onLine: (line: string) => void;
  /** A row of lines has been read, and the next one comes later, or never. */
  readonly onPause: () => void;
}

/**
 * The file to which a program appends what it has to say of its job (`RBIT_REPORT`). It is read by the descriptor that it
 * was made with, so that nothing else can be put in its place, and looked at while the job runs.
 */
export class ReportFile {
  readonly path: string;
  readonly #file: number;
  readonly #reader: ReportReader;
  readonly #timer: NodeJS.Timeout;
  #lines: LineSplitter;
  #position = 0;
  #bytes = 0;

  /** Throws the system's error. */
  constructor(folder: StdioFolder, reader: ReportReader) {
    this.path = folder.newPath();
    this.#file = openSync(this.path, 'wx+', 0o600);
    this.#reader = reader;
    this.#lines = this.#splitter();
    if (folder.owner !== undefined) fchownSync(this.#file, folder.owner.uid, folder.owner.gid);
    this.#timer = setInterval(() => {
      this.#read();
      reader.onPause();
    }, LOOK_EVERY_MS);
  }

  /**
   * Reads what is left, and removes what lies at its path by now. `isWhole`: it was not too long to be read to its end.
   * `left`: why something still lies there. Rejects with the system's error when it cannot be read.
   */
  async close(): Promise<{ readonly isWhole: boolean; readonly left: string | undefined }> {
    clearInterval(this.#timer);
    try {
      while (this.#read() && this.#bytes < MOST_BYTES) {
        this.#reader.onPause();
        await nextTurn();
      }
      this.#lines.end();
      this.#reader.onPause();
      const isWhole = this.#position >= fstatSync(this.#file).size;
      return { isWhole, left: await remove(this.path) };
    } finally {
      closeSync(this.#file);
    }
  }

  /** True when there may be more. */
  #read(): boolean {
    const { size } = fstatSync(this.#file);
    // Who writes with > instead of >> begins anew.
    if (size < this.#position) this.#restart();
    const length = Math.min(size - this.#position, CHUNK_BYTES, MOST_BYTES - this.#bytes);
    if (length <= 0) return false;
    const chunk = Buffer.allocUnsafe(length);
    const read = readSync(this.#file, chunk, 0, length, this.#position);
    this.#position += read;
    this.#bytes += read;
    this.#lines.push(chunk.subarray(0, read));
    return read > 0;
  }

  #restart(): void {
    this.#lines.end();
    this.#lines = this.#splitter();
    this.#position = 0;
  }

  #splitter(): LineSplitter {
    const { onLine } = this.#reader;
    return new LineSplitter(
      (line) => {
        if (line.trim() !== '') onLine(line);
      },
      { lineBytes: LARGEST_DATA_BYTES + CHUNK_BYTES },
    );
  }
}

/** A program may have put anything in the place of its report. Returns why that is still there. Never rejects. */
async function remove(path: string): Promise<string | undefined> {
  try {
    removeFile(path);
    return undefined;
  } catch {
    const removal = rm(path, { recursive: true, force: true }).then(
      () => ({ problem: undefined }),
      (error: unknown) => ({ problem: (error as Error).message }),
    );
    const removed = (await within(REMOVE_LIMIT_MS, removal)) ?? { problem: 'it takes too long' };
    return removed.problem;
  }
}
