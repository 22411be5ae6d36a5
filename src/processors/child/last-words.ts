const LINES = 20;
const CHARACTERS = 2048;

/** The last lines that a child wrote, at most 20 and 2,048 characters: what a failure is explained with. */
export class LastWords {
  readonly #lines: string[] = [];
  #length = 0;

  add(line: string): void {
    if (/^\s*$/.test(line)) return;
    const kept = line.length > CHARACTERS ? `${line.slice(0, CHARACTERS - 2)} …` : line;
    this.#lines.push(kept);
    this.#length += kept.length;
    while (this.#lines.length > LINES || this.#length > CHARACTERS)
      this.#length -= this.#lines.shift()?.length ?? 0;
  }

  /** The last `count` lines that are not empty; all that are kept by default. */
  lines(count = LINES): string[] {
    return this.#lines.slice(-count).map((line) => line.trimEnd());
  }
}
