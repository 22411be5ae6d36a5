/** A longer line is cut; in characters, as all that is measured here. */
const LONGEST_LINE = 2_000;
/** What one job may have kept of its output. */
export const LONGEST_OUTPUT = 64 * 1024;

/** The last lines that a job printed. */
export class OutputTail {
  readonly #lines: string[] = [];
  #first = 0;
  #length = 0;
  #dropped = 0;

  /** Characters that it holds. */
  get length(): number {
    return this.#length;
  }

  /** How many lines of the beginning are not there any more. */
  get dropped(): number {
    return this.#dropped;
  }

  push(line: string): void {
    // A line is a part of what was read with it, and would keep all of that.
    const kept = line.length <= LONGEST_LINE ? copyOf(line) : `${copyOf(line.slice(0, LONGEST_LINE))}…`;
    this.#lines.push(kept);
    this.#length += kept.length + 1;
    while (this.#length > LONGEST_OUTPUT) this.dropFirst();
  }

  /** False: there is none. */
  dropFirst(): boolean {
    const line = this.#lines[this.#first];
    if (line === undefined) return false;
    this.#lines[this.#first] = '';
    this.#first += 1;
    this.#dropped += 1;
    this.#length -= line.length + 1;
    if (this.#first > this.#lines.length / 2) {
      this.#lines.splice(0, this.#first);
      this.#first = 0;
    }
    return true;
  }

  /** All of it as one text. */
  text(): string {
    return (this.#first === 0 ? this.#lines : this.#lines.slice(this.#first)).join('\n');
  }
}

/** A part of a text keeps all of it in memory; a copy does not. */
export function copyOf(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
