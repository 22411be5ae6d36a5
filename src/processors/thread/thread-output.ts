import { AsyncLocalStorage } from 'node:async_hooks';
import { LineSplitter } from '../child/lines.ts';
import type { FromThread } from './messages.ts';

/** So much output may be on its way to the daemon; then the thread waits, as a program waits on a full pipe. */
const UNREAD_LIMIT = 4 * 1024 * 1024;
const WAIT_SLICE_MS = 1_000;

/** Whose code is running: one run of a job, or (without `id`) the thread itself. */
export interface Scope {
  readonly id?: number;
  hasEnded: boolean;
  readonly stdout: LineSplitter;
  readonly stderr: LineSplitter;
  readonly pending: string[];
}

/** Sorts what is printed in a thread by the job that prints it. Lives inside the thread. */
export class ThreadOutput {
  readonly #post: (message: FromThread) => void;
  readonly #unread: Int32Array;
  readonly #scopes = new AsyncLocalStorage<Scope>();
  readonly #threadScope: Scope;

  constructor(post: (message: FromThread) => void, unread: SharedArrayBuffer) {
    this.#post = post;
    this.#unread = new Int32Array(unread);
    this.#threadScope = this.open();
  }

  open(id?: number): Scope {
    const pending: string[] = [];
    const keep = (line: string) => {
      pending.push(line);
    };
    return {
      ...(id === undefined ? {} : { id }),
      hasEnded: false,
      stdout: new LineSplitter(keep),
      stderr: new LineSplitter(keep),
      pending,
    };
  }

  /** Runs `work`, and all that it ever sets off, as the scope's. */
  runAs<T>(scope: Scope, work: () => T): T {
    return this.#scopes.run(scope, work);
  }

  /** Whose code is running now, also when its job has ended; undefined when it is no job's. */
  current(): Scope | undefined {
    return this.#scopes.getStore();
  }

  /** Takes over stdout and stderr of the thread, and with them `console`. */
  capture(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
        const scope = this.#running();
        const [encoding] = rest;
        scope[name].push(toBuffer(chunk, encoding));
        this.#send(scope);
        const callback = rest.find((argument) => typeof argument === 'function');
        if (callback !== undefined) process.nextTick(callback);
        return true;
      };
      process[name].write = write;
    }
  }

  /** Hands on `text` as whole lines of the scope, apart from what is being written to its stdout. */
  print(scope: Scope, text: string): void {
    const target = scope.hasEnded ? this.#threadScope : scope;
    const lines = new LineSplitter((line) => target.pending.push(line));
    lines.push(Buffer.from(`${text.replace(/\r?\n$/, '')}\n`));
    this.#send(target);
  }

  /** Hands on last lines without a line end; what the scope prints from now on is the thread's. */
  close(scope: Scope): void {
    scope.stdout.end();
    scope.stderr.end();
    this.#send(scope);
    scope.hasEnded = true;
  }

  #running(): Scope {
    const scope = this.current();
    return scope === undefined || scope.hasEnded ? this.#threadScope : scope;
  }

  #send(scope: Scope): void {
    if (scope.pending.length === 0) return;
    const lines = scope.pending.splice(0);
    const size = lines.reduce((sum, line) => sum + line.length, lines.length);
    this.#waitForRoom();
    Atomics.add(this.#unread, 0, size);
    this.#post({ kind: 'output', lines, size, ...(scope.id === undefined ? {} : { id: scope.id }) });
  }

  #waitForRoom(): void {
    for (;;) {
      const unread = Atomics.load(this.#unread, 0);
      if (unread < UNREAD_LIMIT) return;
      Atomics.wait(this.#unread, 0, unread, WAIT_SLICE_MS);
    }
  }
}

function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk !== 'string') return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
}
