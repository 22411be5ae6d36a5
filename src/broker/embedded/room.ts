/** How many messages a consumer may have in hand, and has. */
export class Room {
  /** Unless it is resumed with `more`. */
  #usual: number;
  /** How many there may be: of all, or of the fresh ones, whatever becomes of the others. */
  #limit: { readonly of: 'all' | 'fresh'; readonly most: number };
  #unsettled = 0;
  /** Of them, those that came since it was resumed last. */
  #fresh = 0;
  #resumed = 0;

  constructor(prefetch: number) {
    this.#usual = prefetch;
    this.#limit = { of: 'all', most: prefetch };
  }

  /** For how many more there is room; less than 0 when there are too many. */
  get left(): number {
    return this.#limit.most - (this.#limit.of === 'all' ? this.#unsettled : this.#fresh);
  }

  /** Counts a message in; returns what `leave` asks for. */
  take(): number {
    this.#unsettled += 1;
    this.#fresh += 1;
    return this.#resumed;
  }

  /** Counts it out again. */
  leave(place: number): void {
    this.#unsettled -= 1;
    if (place === this.#resumed) this.#fresh -= 1;
  }

  /** Undefined: as many as ever; otherwise so many, whatever there is already. */
  resume(more: number | undefined): void {
    this.#limit = more === undefined ? { of: 'all', most: this.#usual } : { of: 'fresh', most: more };
    this.#resumed += 1;
    this.#fresh = 0;
  }

  /** `isPaused`: from the next `resume` on. */
  renew(prefetch: number, isPaused: boolean): void {
    this.#usual = prefetch;
    if (!isPaused) this.#limit = { of: 'all', most: prefetch };
  }
}
