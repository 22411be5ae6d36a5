import { RunnerError } from '../../job/runner.ts';
import { type Percent, type Placeholder, readPercent } from './placeholders.ts';

/** A command without placeholders; the value of `placeholders[i]` belongs into the variable `RBIT_P<i+1>`. */
export interface CompiledCommand {
  readonly text: string;
  readonly placeholders: readonly Placeholder[];
}

interface Refusal {
  readonly where: string;
  readonly fix: string;
}

/** How a reference to a variable is written: bare, in double quotes, or in double quotes between two single-quoted parts. */
export type Form = 'bare' | 'quoted' | 'between-single';

const REFERENCE: Record<Form, (variable: string) => string> = {
  bare: (variable) => `\${${variable}}`,
  quoted: (variable) => `"\${${variable}}"`,
  'between-single': (variable) => `'"\${${variable}}"'`,
};

/**
 * A command that is read from its front and written anew, with references instead of placeholders.
 *
 * A refusal says where the reader is that no placeholder may stand. A doubt stays for good: from there on it is
 * uncertain how a shell reads the rest, so no placeholder may follow.
 */
export class CommandText {
  /** Lines to come that belong to here-documents: a line end elsewhere than between commands is then doubtful. */
  hereDocumentsAhead = 0;
  readonly #text: string;
  #at = 0;
  #end: number;
  #written = '';
  readonly #placeholders: Placeholder[] = [];
  readonly #problems: RunnerError[] = [];
  #refusal: Refusal | undefined;
  #doubt: string | undefined;
  #unclosed: string | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#end = text.length;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** What has not been read yet. */
  get rest(): string {
    return this.#text.slice(this.#at, this.#end);
  }

  /** The character before the next one; a space at the beginning. */
  get before(): string {
    return this.#text[this.#at - 1] ?? ' ';
  }

  /** The next character, or one `ahead` of it; empty past the end. */
  peek(ahead = 0): string {
    return this.#at + ahead < this.#end ? (this.#text[this.#at + ahead] ?? '') : '';
  }

  /** Copies the next `count` characters. */
  take(count = 1): void {
    const taken = this.#text.slice(this.#at, Math.min(this.#at + count, this.#end));
    if (taken.includes('\n') && this.hereDocumentsAhead > 0)
      this.doubt('a line end where a here-document is awaited');
    this.#replace(count, taken);
  }

  /** Copies what a sticky pattern matches here, and returns it. */
  match(pattern: RegExp): string {
    pattern.lastIndex = 0;
    const [found = ''] = pattern.exec(this.rest) ?? [];
    this.take(found.length);
    return found;
  }

  /** Writes two backslashes for one. */
  doubleBackslash(): void {
    this.#replace(1, '\\\\');
  }

  /** Reads a `%`, and writes what it stands for. A placeholder that cannot stand here is a problem. */
  percent(form: Form): void {
    const found = this.#readPercent();
    if (found.kind === 'literal') return this.#replace(found.length, found.text);
    const { text } = found.placeholder;
    if (this.#refusal !== undefined) {
      this.#problems.push(new RunnerError(`${text} stands in ${this.#refusal.where}`, this.#refusal.fix));
    } else if (this.#doubt !== undefined) {
      const after = `${text} comes after ${this.#doubt}, which cannot be followed safely`;
      this.#problems.push(new RunnerError(after, 'use a script'));
    }
    this.#replace(found.length, REFERENCE[form](`RBIT_P${this.#number(found.placeholder)}`));
  }

  /** Copies what closes something, or notes that it is not there. */
  close(closer: string, what: string): void {
    if (this.peek() === closer) this.take();
    else this.#unclosed ??= what;
  }

  doubt(doubt: string): void {
    this.#doubt ??= doubt;
  }

  /** Reads with a refusal, unless there is one already. Returns the function that ends it. */
  refuse(where: string, fix: string): () => void {
    const outer = this.#refusal;
    this.#refusal ??= { where, fix };
    return () => {
      this.#refusal = outer;
    };
  }

  /** Reads the next `length` characters as if there were no others. True when all that opens in them is closed in them. */
  within(length: number, read: () => void): boolean {
    const outerEnd = this.#end;
    const outerUnclosed = this.#unclosed;
    this.#end = this.#at + length;
    read();
    this.#end = outerEnd;
    return this.#unclosed === outerUnclosed;
  }

  /** As `within`, for text without placeholders whose inner structure does not matter: its doubts are forgotten. */
  isolate(length: number, read: () => void): void {
    const { hereDocumentsAhead } = this;
    const doubt = this.#doubt;
    const unclosed = this.#unclosed;
    this.within(length, read);
    this.hereDocumentsAhead = hereDocumentsAhead;
    this.#doubt = doubt;
    this.#unclosed = unclosed;
  }

  /** The command as it is written: of no use when there are `problems`. */
  compiled(): CompiledCommand {
    return { text: this.#written, placeholders: this.#placeholders };
  }

  /** Placeholders that cannot stand where they do; with one at all, also what is not closed. */
  get problems(): RunnerError[] {
    if (this.#unclosed === undefined || this.#placeholders.length === 0) return this.#problems;
    const open = `the command has a ${this.#unclosed} that is not closed`;
    return [...this.#problems, new RunnerError(open, 'close it, or write \\ before it')];
  }

  #readPercent(): Percent {
    try {
      return readPercent(this.#text.slice(0, this.#end), this.#at);
    } catch (error) {
      if (!(error instanceof RunnerError)) throw error;
      this.#problems.push(error);
      return { kind: 'literal', text: '%', length: 1 };
    }
  }

  #replace(length: number, text: string): void {
    this.#at += length;
    this.#written += text;
  }

  #number(placeholder: Placeholder): number {
    const known = this.#placeholders.findIndex(({ text }) => text === placeholder.text);
    return known === -1 ? this.#placeholders.push(placeholder) : known + 1;
  }
}
