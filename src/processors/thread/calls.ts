const LAST = 0;
const CURRENT = 1;

/** Which jobs a thread has begun, by the numbers of their runs, and which one it is calling: memory that both sides share. */
export class Calls {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(buffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer);
  }

  /** For the thread: calls something of a job's that returns soon, as what awaits does. */
  during<T>(id: number, call: () => T): T {
    Atomics.store(this.#numbers, CURRENT, id);
    try {
      return call();
    } finally {
      Atomics.store(this.#numbers, CURRENT, 0);
    }
  }

  /** For the thread: all up to this one have begun. */
  begin(id: number): void {
    Atomics.store(this.#numbers, LAST, id);
  }

  hasBegun(id: number): boolean {
    return id <= Atomics.load(this.#numbers, LAST);
  }

  /** The job that has been called, and has neither returned nor awaited yet. */
  get current(): number | undefined {
    return Atomics.load(this.#numbers, CURRENT) || undefined;
  }
}
