/** A here-document as its operator announces it. */
export interface HereDocument {
  readonly delimiter: string;
  /** Any quote in the delimiter: its text is taken as it is, nothing in it is expanded. */
  readonly isQuoted: boolean;
  /** `<<-`: leading tabs of its lines do not count. */
  readonly stripsTabs: boolean;
}

/** The operator that `text` begins with (`<<END`, `<<-'END'`) and its length; undefined when it begins with none. */
export function readHereDocumentOperator(
  text: string,
): (HereDocument & { readonly length: number; readonly isPlain: boolean }) | undefined {
  const found = /^<<(?!<)(-?)[ \t]*((?:'[^']*'|"[^"]*"|\\[^]|[^\s;&|<>()'"\\])+)/.exec(text);
  if (found === null) return undefined;
  const [whole, dash, word = ''] = found;
  return {
    delimiter: word.replace(/'([^']*)'|"([^"]*)"|\\([^])/g, '$1$2$3'),
    isQuoted: /['"\\]/.test(word),
    stripsTabs: dash === '-',
    length: whole.length,
    isPlain: /^(?:[\w.-]+|'[\w.-]+'|"[\w.-]+"|\\[\w.-]+)$/.test(word),
  };
}

/** How long the here-document is that `text` begins with, up to its delimiter's line, and whether every shell would agree. */
export function measureHereDocument(
  text: string,
  document: HereDocument,
): { readonly length: number; readonly isCertain: boolean } {
  let isContinued = false;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if ((document.stripsTabs ? line.replace(/^\t+/, '') : line) === document.delimiter) {
      return { length: start, isCertain: !isContinued };
    }
    isContinued = line.endsWith('\\') && !document.isQuoted;
    start = end + 1;
  }
  return { length: text.length, isCertain: false };
}
