/** The last so many of what was put in. */
export class Ring<T> {
  readonly #size: number;
  readonly #slots: T[] = [];
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Returns what had to make room. */
  push(one: T): T | undefined {
    const gone = this.#slots[this.#next];
    this.#slots[this.#next] = one;
    this.#next = (this.#next + 1) % this.#size;
    return gone;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<T> {
    const count = this.#slots.length;
    for (let back = 1; back <= count; back += 1) {
      // No slot below the count is empty.
      yield this.#slots[(this.#next - back + count) % count] as T;
    }
  }
}
