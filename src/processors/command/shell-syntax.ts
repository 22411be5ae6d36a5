import type { CommandText, Form } from './command-text.ts';
import { type HereDocument, measureHereDocument, readHereDocumentOperator } from './here-document.ts';

/*
 * A shell command with placeholders becomes one without: each placeholder turns into a reference to an
 * environment variable that is right for the quotes around it, so that no value is ever read as code,
 * split into words or expanded as a pattern.
 *
 *   context        becomes            context                  becomes
 *   plain text     "${RBIT_P1}"       ${x:-…} outside quotes   "${RBIT_P1}"
 *   "…"            ${RBIT_P1}         "${x:-…}"                ${RBIT_P1}
 *   '…'            '"${RBIT_P1}"'     ${x%…} ${x#…}            "${RBIT_P1}" (so it is no pattern)
 *   <<END          ${RBIT_P1}         $(…)                     by the quotes inside it
 *
 * Refused, because the shell would evaluate the value or never see the variable: `…`, $((…)), ((…)), [[…]],
 * <<'END', ${x:=…} outside quotes, and what only some shells know. Where shells disagree on how to read on (or
 * where only a full parser could tell: `case` in $(…)), the scanner has a doubt, and a placeholder after it is refused.
 * What quoting cannot do, evaluation.ts refuses: values that eval, sh -c and the like would read as code all the same.
 */

/** Reads a command to its end, and has each placeholder written as it has to be where it stands. */
export function readShellCommand(text: CommandText): void {
  new ShellReader(text).command(false);
}

type Quotes = 'plain' | 'double' | 'here-document';

const QUOTED_PART = '\0';

class ShellReader {
  readonly #text: CommandText;

  constructor(text: CommandText) {
    this.#text = text;
  }

  /** Command text: up to the end, or up to the `)` that closes a `$(`. */
  command(nested: boolean): void {
    const text = this.#text;
    const awaited: HereDocument[] = [];
    let depth = 0;
    let word = '';
    let endTest: (() => void) | undefined;
    const endWord = () => {
      if (nested && word === 'case') text.doubt('a `case` inside $(…)');
      if (word === '[[') endTest ??= text.refuse('[[…]], which may evaluate it', 'write [ … ] instead');
      if (word === ']]') {
        endTest?.();
        endTest = undefined;
      }
      word = '';
    };
    while (!text.isAtEnd) {
      const c = text.peek();
      if (c === '#' && word === '') this.#restOfLine();
      else if (c === '\\' && text.peek(1) === '\n') this.#continueLine();
      else if (!' \t\n;&|<>()'.includes(c)) {
        word += '%$`\\\'"'.includes(c) ? QUOTED_PART : c;
        this.#piece('plain', 'quoted');
      } else {
        endWord();
        if (c === ')' && nested && depth === 0) break;
        if (c === '\n') this.#endLine(awaited);
        else if (c === '<') this.#less(awaited);
        else if (c === '(' && text.peek(1) === '(') this.#arithmetic('((…))');
        else {
          if (c === '(') depth++;
          if (c === ')') depth--;
          text.take();
        }
      }
    }
    endWord();
    endTest?.();
    text.hereDocumentsAhead -= awaited.length;
    if (awaited.length > 0) text.doubt('a here-document whose text is missing');
  }

  /** One character of text, or the whole of what it opens. */
  #piece(quotes: Quotes, form: Form): void {
    const c = this.#text.peek();
    if (c === '%') this.#text.percent(form);
    else if (c === '$') this.#dollar(quotes);
    else if (c === '`') this.#backticks();
    else if (c === '\\') this.#escape(quotes);
    else if (c === "'" && quotes === 'plain') this.#singleQuoted();
    else if (c === '"' && quotes === 'plain') this.#doubleQuoted();
    else this.#text.take();
  }

  #singleQuoted(): void {
    this.#text.take();
    while (!this.#text.isAtEnd && this.#text.peek() !== "'") {
      if (this.#text.peek() === '%') this.#text.percent('between-single');
      else this.#text.take();
    }
    this.#text.close("'", 'single quote');
  }

  #doubleQuoted(): void {
    this.#text.take();
    while (!this.#text.isAtEnd && this.#text.peek() !== '"') this.#piece('double', 'bare');
    this.#text.close('"', 'double quote');
  }

  #escape(quotes: Quotes): void {
    const next = this.#text.peek(1);
    if (next === '\n') this.#continueLine();
    // Inside double quotes a backslash before % is a plain one; before the $ of a reference it would be an escape.
    else if (next === '%' && quotes !== 'plain') this.#text.doubleBackslash();
    else this.#text.take(2);
  }

  #continueLine(): void {
    const { before } = this.#text;
    if ('$<({#'.includes(before)) this.#text.doubt(`a line that continues after ${before}`);
    this.#text.take(2);
  }

  #dollar(quotes: Quotes): void {
    const next = this.#text.peek(1);
    if (next === '(' && this.#text.peek(2) === '(') {
      this.#text.take();
      this.#arithmetic('$((…))');
    } else if (next === '(') {
      this.#text.take(2);
      this.command(true);
      this.#text.close(')', '$(');
    } else if (next === '{') {
      this.#parameter(quotes);
    } else if (next === "'" && quotes === 'plain') {
      this.#ansiQuoted();
    } else {
      if (next === '[') this.#text.doubt('$[');
      this.#text.take(next === '$' || next === '#' ? 2 : 1);
    }
  }

  /** `$'…'` is an escape syntax in some shells and a plain quote in others: only what both read alike is followed. */
  #ansiQuoted(): void {
    const endRefusal = this.#text.refuse("$'…', which not every shell knows", "write '…' instead");
    this.#text.take(2);
    while (!this.#text.isAtEnd && this.#text.peek() !== "'") {
      if (this.#text.peek() === '\\') this.#text.doubt("a backslash in $'…'");
      if (this.#text.peek() === '%') this.#text.percent('between-single');
      else this.#text.take();
    }
    endRefusal();
    this.#text.close("'", "$'");
  }

  /** `${…}`: the name and its operator belong to the shell, the word after them may hold placeholders. */
  #parameter(quotes: Quotes): void {
    const text = this.#text;
    text.take(2);
    const name = text.match(/[#!]?(?:[A-Za-z_]\w*|\d+|[@*])|[#?$!-]/y);
    const operator = text.match(/:?[-=?+]|%%?|##?/y);
    const isPattern = operator.startsWith('%') || operator.startsWith('#');
    let endRefusal: (() => void) | undefined;
    if (text.peek() !== '}' && (name === '' || operator === '')) {
      endRefusal = text.refuse('${…} of a kind that not every shell knows', 'use a script');
    } else if (operator.endsWith('=') && quotes === 'plain') {
      endRefusal = text.refuse('${…=…} outside quotes, which would split it', 'write "${…=…}"');
    } else if (isPattern && quotes === 'here-document') {
      endRefusal = text.refuse('a pattern in a here-document', 'use a script');
    }
    while (!text.isAtEnd && text.peek() !== '}') {
      const c = text.peek();
      if (quotes !== 'plain' && (c === '"' || c === "'")) text.doubt('a quote inside "${…}"');
      if (isPattern && c === '%') text.percent('quoted');
      else this.#piece(quotes, quotes === 'plain' ? 'quoted' : 'bare');
    }
    endRefusal?.();
    text.close('}', '${');
  }

  /** From `((` to where its parentheses are balanced. It may be a subshell in a subshell, which is refused alike. */
  #arithmetic(what: string): void {
    const text = this.#text;
    const endRefusal = text.refuse(`${what}, where the shell would evaluate it`, 'hand it to a script');
    let depth = 0;
    do {
      const c = text.peek();
      if (c === '(') depth++;
      if (c === ')') depth--;
      const mayBeComment = c === '#' && /[\s;(]/.test(text.before);
      const mayBeHereDocument = /^<<[^]*\n/.test(text.rest);
      if (c === "'" || c === '"' || mayBeComment || mayBeHereDocument) text.doubt(`a ${c} inside ${what}`);
      if (depth > 0) this.#piece('plain', 'quoted');
    } while (depth > 0 && !text.isAtEnd);
    endRefusal();
    text.close(')', what);
  }

  #backticks(): void {
    const text = this.#text;
    text.take();
    const [inside = ''] = /^(?:[^\\`]|\\[^])*/.exec(text.rest) ?? [];
    const endRefusal = text.refuse('backticks, which cannot be followed safely', 'write $(…) instead');
    text.isolate(inside.length, () => this.command(false));
    endRefusal();
    text.close('`', 'backtick');
  }

  #restOfLine(): void {
    while (!this.#text.isAtEnd && this.#text.peek() !== '\n') this.#text.take();
  }

  #less(awaited: HereDocument[]): void {
    const operator = readHereDocumentOperator(this.#text.rest);
    if (operator === undefined) {
      this.#text.match(/<+/y);
      return;
    }
    if (!operator.isPlain) this.#text.doubt('a here-document with an unusual delimiter');
    this.#text.take(operator.length);
    this.#text.hereDocumentsAhead++;
    awaited.push(operator);
  }

  /** A line end is where the texts of the line's here-documents begin. */
  #endLine(awaited: HereDocument[]): void {
    this.#text.hereDocumentsAhead -= awaited.length;
    this.#text.take();
    for (const document of awaited.splice(0)) this.#hereDocument(document);
  }

  #hereDocument(document: HereDocument): void {
    const text = this.#text;
    const { length, isCertain } = measureHereDocument(text.rest, document);
    const endRefusal = document.isQuoted
      ? text.refuse('a here-document with a quoted delimiter', 'write <<END')
      : undefined;
    const isClosed = text.within(length, () => {
      while (!text.isAtEnd) {
        if (!document.isQuoted) this.#piece('here-document', 'bare');
        else if (text.peek() === '%') text.percent('bare');
        else text.take();
      }
    });
    endRefusal?.();
    if (!isCertain || !isClosed) text.doubt('a here-document without a clear end');
    this.#restOfLine();
    if (text.peek() === '\n') text.take();
  }
}
