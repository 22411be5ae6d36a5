import { RunnerError } from '../../job/runner.ts';
import { type Placeholder, readPercent } from './placeholders.ts';

/** One argument: its parts, put together without anything between them. */
export interface Word {
  readonly parts: ReadonlyArray<string | Placeholder>;
}

/** What means something to a shell and nothing here, as it is written outside quotes. */
const OPERATOR = /^(?:\|.*|&.*|;.*|\(.*|\).*|\d*[<>].*)$|;$/s;
const EXPANSION = /\$[A-Za-z_{(0-9@*#?$!-]|`/;
const FILE_NAMES = /^~|[*?]|\[.+\]/s;
const ASSIGNMENT = /^([A-Za-z_]\w*)=/;

/**
 * Splits a command into words as a shell would: at white space, with '…', "…" and \ to quote. Nothing is filled in but
 * placeholders, and one of those never becomes two words. Throws RunnerError, with all that is wrong.
 */
export function readWords(command: string): Word[] {
  const reader = new Reader(command);
  reader.read();
  RunnerError.throwAll(reader.problems);
  return reader.words;
}

class Reader {
  readonly words: Word[] = [];
  readonly problems: RunnerError[] = [];
  readonly #text: string;
  #at = 0;
  #parts: Array<string | Placeholder> | undefined;
  /** The word as a shell would look for operators and expansions in it: what is quoted is left out. */
  #bare = '';
  /** As `bare`, without what a shell fills in between double quotes. */
  #unquoted = '';

  constructor(text: string) {
    this.#text = text;
  }

  read(): void {
    let quote = '';
    for (; this.#at < this.#text.length; ) {
      const character = this.#text[this.#at] ?? '';
      if (character === '%') this.#readPercent();
      else if (quote !== '' && character === quote) quote = this.#skip('');
      else if (quote === "'") this.#take(character, '.');
      else if (character === '\\') this.#readEscape(quote);
      else if (quote === '"') this.#take(character, /[|&;<>]/.test(character) ? '.' : character, '.');
      else if (character === '"' || character === "'") quote = this.#skip(character);
      else if (/\s/.test(character)) this.#endWord();
      else this.#take(character, character, character);
    }
    if (quote !== '')
      this.problems.push(new RunnerError(`a ${quote} is not closed`, `close it, or write \\${quote}`));
    this.#endWord();
  }

  /** `bare` stands for it where operators are looked for, `unquoted` where file names are. */
  #take(text: string, bare: string, unquoted = '.', length = text.length): void {
    this.#parts ??= [];
    const last = this.#parts.length - 1;
    const before = this.#parts[last];
    if (typeof before === 'string') this.#parts[last] = before + text;
    else this.#parts.push(text);
    this.#bare += bare;
    this.#unquoted += unquoted;
    this.#at += length;
  }

  /** A quote makes a word even of nothing. */
  #skip<T extends string>(quote: T): T {
    this.#take('', '.', '.', 1);
    return quote;
  }

  /** In double quotes a backslash is one, unless it takes the meaning of what follows. */
  #readEscape(quote: string): void {
    const next = this.#text[this.#at + 1] ?? '';
    if (next === '\n') this.#at += 2;
    else if (next === '') this.#take('\\', '.');
    else if (quote === '' || /["\\$`]/.test(next)) this.#take(next, '.', '.', 2);
    else this.#take('\\', '.');
  }

  #readPercent(): void {
    try {
      const found = readPercent(this.#text, this.#at);
      if (found.kind === 'literal') return this.#take(found.text, '.', '.', found.length);
      (this.#parts ??= []).push(found.placeholder);
      this.#bare += '.';
      this.#unquoted += '.';
      this.#at += found.length;
    } catch (error) {
      if (!(error instanceof RunnerError)) throw error;
      this.problems.push(error);
      this.#take('%', '.');
    }
  }

  #endWord(): void {
    if (this.#parts === undefined) return void (this.#at += 1);
    const problem = this.#whyForShell();
    if (problem !== undefined) this.problems.push(problem);
    this.words.push({ parts: this.#parts });
    this.#parts = undefined;
    this.#bare = '';
    this.#unquoted = '';
    this.#at += 1;
  }

  #whyForShell(): RunnerError | undefined {
    const [, variable] = (this.words.length === 0 && ASSIGNMENT.exec(this.#unquoted)) || [];
    if (variable !== undefined)
      return new RunnerError(
        `"${this.#bare}" sets a variable for a shell, and there is none`,
        `write env.${variable} = … on a line of its own`,
      );
    if (OPERATOR.test(this.#bare))
      return new RunnerError(`"${this.#bare}" is for a shell, and there is none`, 'quote it, or use shell!');
    if (EXPANSION.test(this.#bare))
      return new RunnerError(
        `nothing fills in "${this.#bare}", since there is no shell`,
        "write %{settings.name}, quote it with '…', or use shell!",
      );
    if (FILE_NAMES.test(this.#unquoted))
      return new RunnerError(
        `"${this.#bare}" would be file names to a shell, and there is none`,
        'quote it, or use shell!',
      );
    return undefined;
  }
}
