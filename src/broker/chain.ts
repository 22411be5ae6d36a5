/** Where a value is in a chain; it is of use to that chain only. */
export interface Place<T> {
  /** Undefined once it is not in the chain any more. */
  readonly value: T | undefined;
}

interface Link<T> extends Place<T> {
  value: T | undefined;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

/**
 * Values in the order in which they came, each of which goes when it likes. A Set does the same for anything but what
 * comes and goes by the thousand, a few at a time: V8 gives a Set that has grown old a new table after every dozen of
 * them, and each table that is left behind keeps what was in it until the next full collection.
 */
export class Chain<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(value: T): Place<T> {
    const link: Link<T> = { value, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    this.#size += 1;
    return link;
  }

  /** Does nothing the second time. */
  remove(place: Place<T>): void {
    const link = place as Link<T>;
    if (link.value === undefined) return;
    const { before, after } = link;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#size -= 1;
    // What has grown old and gone would otherwise keep what came after it.
    link.value = undefined;
    link.before = undefined;
    link.after = undefined;
  }

  values(): T[] {
    return this.#links().flatMap(({ value }) => (value === undefined ? [] : [value]));
  }

  /** Removes all of them, and returns them. */
  clear(): T[] {
    const values = this.values();
    for (const link of this.#links()) this.remove(link);
    return values;
  }

  #links(): Link<T>[] {
    const links: Link<T>[] = [];
    for (let link = this.#first; link !== undefined; link = link.after) links.push(link);
    return links;
  }
}
