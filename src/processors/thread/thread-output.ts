import { AsyncLocalStorage } from 'node:async_hooks';
import { LineSplitter } from '../child/lines.ts';
import { type ChannelToDaemon, sizeOf } from './channel-to-daemon.ts';

/** So much goes into one message, and a line more: a chunk may hold millions of lines. */
const MESSAGE_SIZE = 64 * 1024;

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
  readonly #channel: ChannelToDaemon;
  readonly #scopes = new AsyncLocalStorage<Scope>();
  readonly #threadScope: Scope;

  constructor(channel: ChannelToDaemon) {
    this.#channel = channel;
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
    for (const lines of batches(scope.pending.splice(0))) {
      const id = scope.id === undefined ? {} : { id: scope.id };
      this.#channel.postWhenRoom({ kind: 'output', lines, ...id }, lines);
    }
  }
}

function* batches(lines: readonly string[]): Iterable<readonly string[]> {
  let batch: string[] = [];
  let size = 0;
  for (const line of lines) {
    batch.push(line);
    size += sizeOf([line]);
    if (size < MESSAGE_SIZE) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk !== 'string') return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
}
