const LINE_BYTES = 64 * 1024;
const CUT_MARK = ' … [cut: a line longer than 64 KiB]';
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Turns chunks of bytes into whole lines of text, without their line ends (LF or CRLF). Holds at most 64 KiB:
 * a longer line is cut there, with a mark. What is not UTF-8 becomes U+FFFD.
 */
export class LineSplitter {
  readonly #emit: (line: string) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #isCut = false;

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    const first = chunk.indexOf(NEWLINE);
    if (first === -1) return this.#keep(chunk);
    this.#keep(chunk.subarray(0, first));
    this.#finish();
    const last = chunk.lastIndexOf(NEWLINE);
    if (last > first) this.#emitWhole(chunk.subarray(first + 1, last));
    this.#keep(chunk.subarray(last + 1));
  }

  /** Hands out the last line, if it has no line end. */
  end(): void {
    if (this.#length > 0) this.#finish();
  }

  /** Lines that begin and end in one chunk. Decoded together: one by one takes five to ten times as long. */
  #emitWhole(lines: Buffer): void {
    if (lines.length <= LINE_BYTES) {
      for (const line of lines.toString().split('\n'))
        this.#emit(line.endsWith('\r') ? line.slice(0, -1) : line);
      return;
    }
    for (let start = 0; start <= lines.length; ) {
      const newline = lines.indexOf(NEWLINE, start);
      const end = newline === -1 ? lines.length : newline;
      this.#keep(lines.subarray(start, end));
      this.#finish();
      start = end + 1;
    }
  }

  #keep(part: Buffer): void {
    const room = LINE_BYTES - this.#length;
    if (part.length > room) this.#isCut = true;
    const kept = part.subarray(0, room);
    if (kept.length === 0) return;
    this.#parts.push(kept);
    this.#length += kept.length;
  }

  #finish(): void {
    const [only] = this.#parts;
    const bytes = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    const isCut = this.#isCut;
    this.#parts = [];
    this.#length = 0;
    this.#isCut = false;
    if (isCut) {
      this.#emit(bytes.subarray(0, lengthOfWholeCharacters(bytes)).toString() + CUT_MARK);
    } else {
      this.#emit(bytes.subarray(0, bytes.at(-1) === CARRIAGE_RETURN ? -1 : undefined).toString());
    }
  }
}

/** A cut may fall into the middle of a UTF-8 character, which is then left out: at most its first three bytes. */
function lengthOfWholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}
