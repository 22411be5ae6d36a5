const LINE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BRACE = '{'.charCodeAt(0);
/** What may stand before the brace: the blanks of JSON that do not end a line. */
const BLANKS: readonly (number | undefined)[] = [0x20, 0x09, CARRIAGE_RETURN];

/** Parts of a line that are kept one by one: a line that comes byte by byte must not take a hundred times its size. */
const PARTS = 1024;

export interface LineLimits {
  /** 64 KiB by default. */
  readonly lineBytes?: number;
  /** Lines that begin with `{`, after blanks if need be, may be longer than others, where they are to be read and not to be shown. */
  readonly objects?: {
    readonly lineBytes: number;
    /** Called at once for one that is longer, with its first 64 KiB. It is not handed out. */
    readonly onTooLong: (start: string) => void;
  };
}

/**
 * Turns chunks of bytes into whole lines of text, without their line ends (LF or CRLF). Holds at most 64 KiB, or what
 * its limits say: a longer line is cut there, with a mark. What is not UTF-8 becomes U+FFFD.
 */
export class LineSplitter {
  readonly #emit: (line: string) => void;
  readonly #lineBytes: number;
  readonly #objects: LineLimits['objects'];
  #parts: Buffer[] = [];
  #length = 0;
  #single = 0;
  /** Undefined as long as there are blanks only. */
  #isObject: boolean | undefined;
  #isCut = false;
  #isDropped = false;

  constructor(emit: (line: string) => void, { lineBytes = LINE_BYTES, objects }: LineLimits = {}) {
    this.#emit = emit;
    this.#lineBytes = lineBytes;
    this.#objects = objects;
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
    if (lines.length <= this.#lineBytes) {
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
    if (this.#isDropped) return;
    if (this.#objects !== undefined && !this.#isCut) this.#isObject ??= beginsLikeObject(part);
    const room = this.#limit() - this.#length;
    if (part.length > room) this.#isCut = true;
    const kept = part.subarray(0, room);
    if (kept.length > 0) this.#add(kept);
    if (this.#isCut && this.#isObject === true) this.#drop();
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
    this.#single += 1;
    if (this.#single < PARTS) return;
    this.#parts.push(Buffer.concat(this.#parts.splice(-PARTS)));
    this.#single = 0;
  }

  #limit(): number {
    return this.#isObject === true && this.#objects !== undefined ? this.#objects.lineBytes : this.#lineBytes;
  }

  #drop(): void {
    const start = Buffer.concat(this.#parts, Math.min(this.#length, LINE_BYTES)).toString();
    this.#clear();
    this.#isDropped = true;
    this.#objects?.onTooLong(start);
  }

  #clear(): void {
    this.#parts = [];
    this.#length = 0;
    this.#single = 0;
    this.#isObject = undefined;
    this.#isCut = false;
    this.#isDropped = false;
  }

  #finish(): void {
    const isCut = this.#isCut;
    const isDropped = this.#isDropped;
    const [only] = this.#parts;
    const bytes = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    this.#clear();
    if (isDropped) return;
    if (isCut) this.#emit(wholeCharacters(bytes) + cutMark(this.#lineBytes));
    else this.#emit(bytes.subarray(0, bytes.at(-1) === CARRIAGE_RETURN ? -1 : undefined).toString());
  }
}

/** Undefined when it holds nothing but blanks. */
function beginsLikeObject(part: Buffer): boolean | undefined {
  const first = part.findIndex((byte) => !BLANKS.includes(byte));
  return first === -1 ? undefined : part[first] === BRACE;
}

/** A line as output: cut at 64 KiB, with the mark that a LineSplitter would set. */
export function cutLine(line: string): string {
  if (line.length * 3 <= LINE_BYTES) return line;
  const bytes = Buffer.from(line);
  return bytes.length <= LINE_BYTES
    ? line
    : wholeCharacters(bytes.subarray(0, LINE_BYTES)) + cutMark(LINE_BYTES);
}

function cutMark(lineBytes: number): string {
  return ` … [cut: a line longer than ${lineBytes / 1024} KiB]`;
}

/** A cut may fall into the middle of a UTF-8 character, which is then left out: at most its first three bytes. */
function wholeCharacters(bytes: Buffer): string {
  return bytes.subarray(0, lengthOfWholeCharacters(bytes)).toString();
}

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
