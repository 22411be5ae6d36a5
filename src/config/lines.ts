import type { Entry } from './ini.ts';

/** One line of a value that is a list of lines. */
export interface ValueLine {
  readonly text: string;
  /** Where it is in the file. */
  readonly line: number;
}

/**
 * The lines of a value, without the indented ones that begin with `#` or `;`. Elsewhere those are data, but in a list
 * they are what they look like: something commented out.
 */
export function linesOf(entry: Entry, value: string): ValueLine[] {
  return value
    .split('\n')
    .map((text, index) => ({ text, line: entry.lines[index] ?? entry.line, continued: index > 0 }))
    .filter(({ text, continued }) => !(continued && /^[#;]/.test(text)));
}
