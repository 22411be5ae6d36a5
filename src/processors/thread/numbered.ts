/**
 * A few values, each under a number of its own. A Map does the same; but where values come and go by the thousand, V8
 * leaves its former tables behind, and each keeps what was in it until the next full collection.
 */
export class Numbered<T> {
  readonly #entries: (readonly [number, T])[] = [];

  get size(): number {
    return this.#entries.length;
  }

  get(number: number): T | undefined {
    return this.#entries.find(([own]) => own === number)?.[1];
  }

  /** To be called once for each number. */
  set(number: number, value: T): void {
    this.#entries.push([number, value]);
  }

  delete(number: number): void {
    const index = this.#entries.findIndex(([own]) => own === number);
    const last = this.#entries.at(-1);
    if (index === -1 || last === undefined) return;
    this.#entries[index] = last;
    this.#entries.pop();
  }

  /** All of them as they are now, in no order. */
  entries(): (readonly [number, T])[] {
    return [...this.#entries];
  }
}
