/** So much may be on its way to the daemon; then the thread waits, as a program waits on a full pipe. */
const LIMIT = 1024 * 1024;
const WAIT_SLICE_MS = 1_000;

/** What a thread has said and the daemon has not heard yet: one number, in memory that both share. */
export class Unread {
  readonly buffer: SharedArrayBuffer;
  readonly #count: Int32Array;

  constructor(buffer = new SharedArrayBuffer(4)) {
    this.buffer = buffer;
    this.#count = new Int32Array(buffer);
  }

  isFull(): boolean {
    return Atomics.load(this.#count, 0) >= LIMIT;
  }

  /** For the thread: returns when there is room, and blocks until then. */
  waitForRoom(): void {
    for (;;) {
      const count = Atomics.load(this.#count, 0);
      if (count < LIMIT) return;
      Atomics.wait(this.#count, 0, count, WAIT_SLICE_MS);
    }
  }

  add(size: number): void {
    Atomics.add(this.#count, 0, size);
  }

  subtract(size: number): void {
    Atomics.sub(this.#count, 0, size);
    Atomics.notify(this.#count, 0);
  }
}
