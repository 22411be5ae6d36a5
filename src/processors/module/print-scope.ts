import { LineSplitter } from '../child/lines.ts';

/** Takes whole lines that were printed, at least one. */
export type Deliver = (lines: readonly string[]) => void;

/** What one run of a job prints, as whole lines; what it prints when it has ended is told apart. */
export class PrintScope {
  readonly #late: Deliver;
  #deliver: Deliver;
  #stdout: LineSplitter | undefined;
  #stderr: LineSplitter | undefined;
  #pending: string[] = [];
  #hasEnded = false;

  constructor(deliver: Deliver, late: Deliver) {
    this.#deliver = deliver;
    this.#late = late;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes a chunk that was written to a stream. */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const splitter =
      stream === 'stdout'
        ? (this.#stdout ??= new LineSplitter(this.#keep))
        : (this.#stderr ??= new LineSplitter(this.#keep));
    splitter.push(chunk);
    this.#flush();
  }

  /** Takes `text` as whole lines, apart from what is being written to the streams. */
  print(text: string): void {
    const lines = new LineSplitter(this.#keep);
    lines.push(Buffer.from(`${text.replace(/\r?\n$/, '')}\n`));
    this.#flush();
  }

  /** Hands on last lines without a line end. */
  end(): void {
    this.#stdout?.end();
    this.#stderr?.end();
    this.#flush();
    this.#hasEnded = true;
    this.#deliver = this.#late;
  }

  readonly #keep = (line: string): void => {
    this.#pending.push(line);
  };

  #flush(): void {
    if (this.#pending.length === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    this.#deliver(lines);
  }
}
