import { parse } from 'ini';
import type { Problem } from './problem.ts';

/*
 * The grammar of Python 2's RawConfigParser, which existing files are written in:
 *
 *   blank line; `#`, `;` or the word `rem` in the first column     skipped, and does not end a value
 *   starts with white space, after an option of the section        goes on with that option's value
 *   [NAME] and anything                                            begins a section, or goes on with it
 *   KEY = VALUE, KEY : VALUE (whichever sign comes first)          an option; the last of a name wins
 *
 * Two things differ on purpose. ` ;` does not cut the rest off an option's line, because it would cut shell commands
 * in half. A key cannot begin with `[`: it is a header that lost its bracket. White space is ASCII's, as it was there.
 */

/** One option of a section, and where it is written. */
export interface Entry {
  /** The section that it is written in: `DEFAULT` also when another section inherits it. */
  readonly section: string;
  readonly key: string;
  /** The lines of the value, each without the white space around it, joined by newlines. */
  readonly value: string;
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The line in the file of each line of the value. */
  readonly lines: readonly number[];
  /** It is empty, and overrides what an earlier file or `[DEFAULT]` says. */
  readonly undoes?: true;
}

export interface Section {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** By key, in the order in which the keys first appear. */
  readonly entries: Map<string, Entry>;
}

export interface IniFile {
  readonly sections: Map<string, Section>;
  readonly problems: readonly Problem[];
}

/** An option as it is being read. */
interface Option {
  readonly values: string[];
  readonly lines: number[];
}

interface OpenSection {
  readonly name: string;
  readonly line: number;
  /** By key: a later option of the same name replaces an earlier one. */
  readonly options: Map<string, Option>;
}

/** Reads INI text. What cannot be understood is a problem, and the rest is read all the same. */
export function parseIni(text: string, file: string): IniFile {
  const { sections, problems } = scan(text, file);
  return {
    sections: new Map([...sections].map(([name, section]) => [name, closeSection(section, file)])),
    problems,
  };
}

const COMMENT = /^(?:[#;]|rem(?:[ \t\v\f]|$))/i;
const HEADER = /^\[([^\]]+)\]/;
const OPTION = /^([^:=[ \t\v\f][^:=]*)[:=](.*)$/s;
const INDENTED = /^[ \t\v\f]/;

function scan(text: string, file: string): { sections: Map<string, OpenSection>; problems: Problem[] } {
  const sections = new Map<string, OpenSection>();
  const problems: Problem[] = [];
  let section: OpenSection | undefined;
  let option: Option | undefined;
  let headless = false;

  const complain = (line: number, message: string, fix: string): void => {
    problems.push({ file, line, ...(section === undefined ? {} : { section: section.name }), message, fix });
  };

  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = index + 1;
    const content = strip(raw);
    if (content === '' || COMMENT.test(raw)) continue;
    if (raw.includes('\0')) {
      complain(line, 'the line has a NUL character', 'is this a text file? remove it');
      continue;
    }
    if (INDENTED.test(raw) && option !== undefined) {
      option.values.push(content);
      option.lines.push(line);
      continue;
    }
    const name = HEADER.exec(raw)?.[1];
    if (name !== undefined) {
      section = sections.get(name) ?? { name, line, options: new Map() };
      sections.set(name, section);
      option = undefined;
      continue;
    }
    if (section === undefined) {
      // Said once: everything up to the first header has the same cause.
      if (!headless) complain(line, 'text before the first section', 'begin with a line such as [rbit]');
      headless = true;
      continue;
    }
    const [, key, value] = OPTION.exec(raw) ?? [];
    if (key !== undefined && value !== undefined) {
      option = { values: [firstLine(strip(value))], lines: [line] };
      section.options.set(canonicalKey(strip(key)), option);
    } else {
      complain(line, ...whyNoOption(raw));
    }
  }
  return { sections, problems };
}

// The text of the line is never quoted: it may be a password that lost its indentation.
function whyNoOption(raw: string): [message: string, fix: string] {
  if (INDENTED.test(raw))
    return ['an indented line with no key before it', 'remove the white space before it'];
  if (raw.startsWith('[')) return ['a section header without a name or without "]"', 'write it as [NAME]'];
  if (/^[:=]/.test(raw)) return ['a value without a key', 'write it as KEY = VALUE'];
  return [
    'neither KEY = VALUE nor a [SECTION]',
    'add "=", or indent the line if it belongs to the value above',
  ];
}

/** Keys are case-insensitive, except for the NAME of `env.NAME`: names of environment variables are not. */
function canonicalKey(written: string): string {
  const lower = written.toLowerCase();
  return lower.startsWith('env.') ? `env.${written.slice('env.'.length)}` : lower;
}

// The original's way to write an empty value.
function firstLine(value: string): string {
  return value === '""' ? '' : value;
}

function strip(text: string): string {
  return text.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, '');
}

/**
 * The section as `ini` reads it, which gets every key and value quoted, since it would cut raw ones at `;` and `#`, and
 * a mark before each key, since it drops `__proto__`.
 */
function closeSection({ name, line, options }: OpenSection, file: string): Section {
  const body = [...options].map(([key, { values }]) => `${quote(MARK + key)}=${quote(values.join('\n'))}`);
  // It would gather keys that end in [] into arrays.
  const parsed: Record<string, unknown> = parse(body.join('\n'), { bracketedArray: false });
  const entries = new Map<string, Entry>();
  for (const [key, { lines }] of options) {
    // Quoted or not, it makes true, false and null of those words.
    const value = String(parsed[MARK + key]);
    entries.set(key, { section: name, key, value, file, line: lines[0] ?? line, lines });
  }
  return { name, file, line, entries };
}

const MARK = 'key ';

// `ini` matches lines with `.`, which stops at these two.
function quote(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
