import { type HereDocument, measureHereDocument, readHereDocumentOperator } from './here-document.ts';

/**
 * The simple commands of a shell command, each as its words: quotes are kept, a `$(…)` is a command of its own and
 * leaves `$()` behind, redirections are `[operator, target]`. It is no judge of syntax: what it does not follow, it
 * takes for text.
 */
export interface SimpleCommand {
  readonly words: readonly string[];
  readonly redirections: ReadonlyArray<readonly [operator: string, target: string]>;
}

export function simpleCommands(text: string): SimpleCommand[] {
  const reader = new Reader(text);
  reader.commands(false);
  return reader.found;
}

class Reader {
  readonly found: SimpleCommand[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Up to the end, or up to the `)` that closes a `$(`. */
  commands(nested: boolean): void {
    const documents: HereDocument[] = [];
    let words: string[] = [];
    let redirections: [string, string][] = [];
    let word = '';
    let operator = '';
    let depth = 0;
    const endWord = (): void => {
      if (word === '') return;
      if (operator === '') words.push(word);
      else redirections.push([operator, word]);
      word = '';
      operator = '';
    };
    const endCommand = (): void => {
      endWord();
      if (words.length + redirections.length > 0) this.found.push({ words, redirections });
      words = [];
      redirections = [];
      operator = '';
    };
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at] ?? '';
      if (c === ')' && nested && depth === 0) break;
      if (c === '#' && word === '') this.#take(/[^\n]*/y);
      else if (c === ' ' || c === '\t' || this.#text.startsWith('\\\n', this.#at)) {
        if (c !== '\\') endWord();
        this.#at += c === '\\' ? 2 : 1;
      } else if (c === '<' || c === '>' || this.#text.startsWith('&>', this.#at)) {
        // The number before it is the descriptor's.
        if (/^\d+$/.test(word)) word = '';
        endWord();
        const document = readHereDocumentOperator(this.#text.slice(this.#at));
        if (document === undefined) operator = this.#take(/&>>?|<<<|[<>]&|<>|>>|>\||[<>]/y);
        else {
          documents.push(document);
          this.#at += document.length;
        }
      } else if (';&|()\n'.includes(c)) {
        endCommand();
        if (c === '(') depth++;
        if (c === ')') depth--;
        this.#at++;
        if (c === '\n') for (const document of documents.splice(0)) this.#skip(document);
      } else word += this.#piece('plain');
    }
    endCommand();
  }

  /** One character, or the whole of what it opens. */
  #piece(quotes: 'plain' | 'double'): string {
    const c = this.#text[this.#at] ?? '';
    if (c === '\\') return this.#take(/\\[^]?/y);
    if (c === "'" && quotes === 'plain') return this.#take(/'[^']*'?/y);
    if (c === '"' && quotes === 'plain') return this.#upTo('"', '"', 'double');
    if (c === '`') return this.#take(/`(?:\\[^]|[^`\\])*`?/y);
    if (this.#text.startsWith('${', this.#at)) return this.#upTo('${', '}', quotes);
    if (!this.#text.startsWith('$(', this.#at)) return this.#take(/[^]/y);
    this.#at += 2;
    this.commands(true);
    this.#at++;
    return '$()';
  }

  #upTo(opener: string, closer: string, quotes: 'plain' | 'double'): string {
    this.#at += opener.length;
    let inside = '';
    while (this.#at < this.#text.length && this.#text[this.#at] !== closer) inside += this.#piece(quotes);
    this.#at++;
    return opener + inside + closer;
  }

  #skip(document: HereDocument): void {
    this.#at += measureHereDocument(this.#text.slice(this.#at), document).length;
    this.#take(/[^\n]*\n?/y);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }
}
