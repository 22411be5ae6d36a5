const SHORTEST_IN_TEXT = 4;
const SHORTEST_LINE = 8;
/** Shorter ones are parts of other words too often: those are masked only as a word of their own. */
const SHORTEST_IN_WORDS = 6;

/** The secret values of one configuration, to keep them out of whatever is written. Printing this shows none of them. */
export class Secrets {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  /** Values of fewer than 4 characters are left out of `mask`: they turn up by chance all over a text. */
  add(value: string): void {
    if (value.length < SHORTEST_IN_TEXT) return;
    // A log or an output shows a file of several lines one line at a time.
    const known = this.#forms.size;
    const lines = value.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE);
    for (const form of [value, ...lines].flatMap(formsOf)) this.#forms.add(form);
    if (this.#forms.size > known) this.#pattern = undefined;
  }

  /** Masks those of another configuration as well. */
  include(others: Secrets): void {
    const known = this.#forms.size;
    for (const form of others.#forms) this.#forms.add(form);
    if (this.#forms.size > known) this.#pattern = undefined;
  }

  /**
   * The text with `***` in place of each secret, also where it is JSON-escaped, percent-encoded or shown in quotes;
   * one of fewer than 6 characters only where no letter or digit touches it; what a cut (` …`) has left of one is masked,
   * too. Needs no `this`: it can be handed on by itself.
   */
  readonly mask = (text: string): string => {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= matchAny(this.#forms);
    return this.#maskCut(text.replace(this.#pattern, '***'));
  };

  #maskCut(text: string): string {
    const parts = text.split(CUT);
    return parts
      .map((part, index) => (index % 2 === 1 || index === parts.length - 1 ? part : this.#maskEnd(part)))
      .join('');
  }

  #maskEnd(text: string): string {
    const longest = Math.max(...[...this.#forms].map((form) => lengthOfOverlap(text, form)));
    return longest === 0 ? text : `${text.slice(0, -longest)}***`;
  }
}

/** What is written behind a text that was cut. */
const CUT = /( …(?: \[cut: [^\]]{0,200}\])?)/;

/** How many characters at the end of a text are the beginning of a secret; 0 for fewer than 4. */
function lengthOfOverlap(text: string, secret: string): number {
  for (let length = Math.min(secret.length - 1, text.length); length >= SHORTEST_IN_TEXT; length--)
    if (text.endsWith(secret.slice(0, length))) return length;
  return 0;
}

/** How a text is written: as it is, in JSON, in quotes of JavaScript and Python, in a URL. */
function formsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  // util.inspect and Python's repr choose the quotes by the whole text, and escape none but those: never double ones.
  const quoted = json.replace(/\\./g, (escape) => (escape === '\\"' ? '"' : escape));
  const singleQuoted = quoted.replaceAll("'", "\\'");
  return [text, json, asciiOf(json), quoted, singleQuoted, encodeURIComponent(Buffer.from(text).toString())];
}

/** As Python's json writes a text: only ASCII. */
function asciiOf(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function matchAny(texts: Iterable<string>): RegExp {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  const patterns = longestFirst.map((text) => {
    const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    return text.length < SHORTEST_IN_WORDS ? `${WORD_START}${escaped}${WORD_END}` : escaped;
  });
  return new RegExp(patterns.join('|'), 'gu');
}

// The last letter of an escape sequence (of JSON, of a URL, of a terminal) is no part of the word after it.
const ESCAPE = String.raw`\\[bfnrt]|\\u[\da-fA-F]{4}|%[\da-fA-F]{2}|(?:\x1b|\\u001b)\[[\d;]*[A-Za-z]`;
const WORD_START = String.raw`(?:(?<![\p{L}\p{N}])|(?<=${ESCAPE}))`;
const WORD_END = String.raw`(?![\p{L}\p{N}])`;
