import type { Expander } from './expand.ts';
import type { Entry, Section } from './ini.ts';
import { DEFAULT } from './merge.ts';
import { placeOf, type Report } from './report.ts';
import type { Key, Keys, ValuesOf } from './key.ts';
import { schema } from './schema.ts';
import { nearest } from './suggest.ts';

/** What reading any section needs. */
export interface Reading {
  readonly report: Report;
  readonly expander: Expander;
  /** Said after the fix of each value of the section's own that does not fit. */
  readonly hint?: string;
}

/**
 * The typed values of a section's known keys. A key that is wrong is reported and has its default, so that the rest
 * can be looked at too. `others` are the entries that the schema does not know.
 */
export function readKeys<K extends Keys>(
  section: Section | undefined,
  keys: K,
  reading: Reading,
): { values: ValuesOf<K>; others: Entry[] } {
  const values = Object.entries(keys).map(([name, key]) => {
    const entry = section?.entries.get(name);
    return [name, entry === undefined ? key.absent : readKey(entry, key, reading)];
  });
  const others = [...(section?.entries.values() ?? [])].filter((entry) => !Object.hasOwn(keys, entry.key));
  // Each name of `keys` is there, with what its own type made of it.
  return { values: Object.fromEntries(values) as ValuesOf<K>, others };
}

/**
 * As `readKeys`, for a section that has no keys but these. What `[DEFAULT]` adds besides them is meant for others.
 * `guessed` are the keys that an unknown one was taken for.
 */
export function readStrictly<K extends Keys>(
  section: Section | undefined,
  keys: K,
  reading: Reading,
): { values: ValuesOf<K>; guessed: Set<string> } {
  const { values, others } = readKeys(section, keys, reading);
  const guessed = new Set<string>();
  for (const entry of others) {
    if (entry.section === DEFAULT) continue;
    const alias = keyOfAlias(entry.key, keys);
    const near = alias ?? nearest(entry.key, Object.keys(keys));
    if (near !== undefined) guessed.add(near);
    const fix = near === undefined ? `known: ${Object.keys(keys).join(', ')}` : `did you mean ${near}?`;
    const home = alias === undefined ? homeOf(entry.key) : undefined;
    const elsewhere = home === undefined ? undefined : `it belongs in [${home}]`;
    reading.report.problem({ ...placeOf(entry), message: 'unknown key', fix: elsewhere ?? fix });
  }
  return { values, guessed };
}

/** Warns about a value that goes on after ` ;`: the original took that for a comment, here it is part of the value. */
export function warnOfComment(entry: Entry, report: Report): void {
  const [first = ''] = entry.value.split('\n');
  if (!/\s;/.test(first)) return;
  report.warning({
    ...placeOf(entry),
    message: 'what follows " ;" is part of the value',
    fix: 'if it is a comment, move it to a line of its own',
  });
}

/**
 * Warns about a runner's line that the original would have cut: at its first `;`, if white space is before it. A `;;`
 * and what is in quotes can be no comment.
 */
export function warnOfCommentInLine(entry: Entry, report: Report): void {
  const [first = ''] = entry.value.split('\n');
  const [, before = ''] = /^([^;]*\s);(?!;)/.exec(first) ?? [];
  if (before === '' || isInQuotes(before)) return;
  report.warning({
    ...placeOf(entry),
    message: 'what follows " ;" is part of the line',
    fix: "if it is a comment, move it to a line of its own; a shell's own ; needs no space before it",
  });
}

function isInQuotes(text: string): boolean {
  return /["']/.test(text.replace(/\\.|'[^']*'|"(?:\\.|[^"\\])*"/g, ''));
}

/** Whether an entry says that its key is absent after all: nothing stands for that key, and something was there to undo. */
export function isUndone({ undoes }: Entry, key: Key<unknown>): boolean {
  return undoes === true && key.default === undefined;
}

function readKey(entry: Entry, key: Key<unknown>, { report, expander, hint }: Reading): unknown {
  const place = placeOf(entry);
  const expanded = key.verbatim === true ? { text: entry.value, secret: false } : expander.expand(entry);
  if (expanded === undefined) return key.absent;

  const parsed = key.type.parse(expanded.text, entry.file);
  if (!parsed.ok) {
    if (isUndone(entry, key)) return key.absent;
    // The text in the file may be shown, what was filled in may not. Passwords in the file are texts, which are all good.
    const generic = { message: `not ${key.type.expects}`, fix: key.type.tip };
    const hidden = expanded.secret && expanded.text !== '';
    const { message, fix } = hidden ? generic : parsed;
    const isOwn = entry.section !== DEFAULT;
    const commented = /\s[;#]/.test(entry.value) && key.verbatim !== true;
    report.problem({
      ...place,
      ...(entry.value === '' ? {} : { value: entry.value }),
      message,
      fix: [commented ? 'move the comment to a line of its own' : fix, isOwn ? hint : undefined]
        .filter(Boolean)
        .join('; '),
    });
    return key.absent;
  }
  if (key.verbatim !== true) warnOfComment(entry, report);
  return parsed.value;
}

function keyOfAlias(written: string, keys: Keys): string | undefined {
  return Object.entries(keys).find(([, key]) => key.aliases?.includes(written))?.[0];
}

// The section that lost its header, as when [amqp] is still commented out and its keys are not.
function homeOf(written: string): string | undefined {
  const [home] = Object.entries(schema).find(([, keys]) => Object.hasOwn(keys, written)) ?? [];
  return home === 'queue' || home === 'runner' ? `${home}:NAME` : home;
}
