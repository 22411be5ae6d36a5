import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { didYouMean } from './suggest.ts';
import { whyUnreadable } from './text-file.ts';

/** A value, or why the text is not one. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly fix: string };

/** What one kind of value looks like in an INI file. */
export interface ValueType<T> {
  /** Ends the sentence "this is not …". */
  readonly expects: string;
  readonly tip: string;
  /** `file` is the INI file that the text is written in. */
  parse(text: string, file: string): Parsed<T>;
}

/** The longest that Node's timers can wait: above it they fire at once. */
const LONGEST_MS = 24 * 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Text as it is; `min` characters at least, and at most 255 bytes with `short` (what AMQP has room for in a name). */
export function text(options: { min?: number; short?: boolean } = {}): ValueType<string> {
  return {
    expects: 'a text',
    tip: options.short === true ? '1 to 255 bytes' : 'write something after "="',
    parse(written) {
      if (written.includes('\0')) return problem('has a NUL character', 'remove it');
      if (written.length < (options.min ?? 0))
        return problem('empty', 'write something after "=", or remove it');
      if (options.short === true && Buffer.byteLength(written) > 255)
        return problem('longer than 255 bytes', 'AMQP has no room for more');
      return valid(written);
    },
  };
}

/** Milliseconds, from `500ms 10s 5m 2h 1d`, or `0`. */
export function duration(minMs = 0): ValueType<number> {
  const tip = 'try 10s, 10m, 2h';
  return {
    expects: 'a duration',
    tip,
    parse(written) {
      const ms = parseDuration(written);
      if (ms === undefined)
        return problem(/^\d+$/.test(written) ? 'a duration needs a unit' : 'not a duration', tip);
      if (ms < minMs)
        return problem('too short', `at least ${minMs < 1000 ? `${minMs}ms` : `${minMs / 1000}s`}`);
      if (ms > LONGEST_MS) return problem('too long', 'at most 24d');
      return valid(ms);
    },
  };
}

/** As `duration`, or `none`: undefined. */
export function durationOrNone(minMs: number): ValueType<number | undefined> {
  const limited = duration(minMs);
  return {
    ...limited,
    parse(written, file) {
      if (written.toLowerCase() === 'none') return valid(undefined);
      if (parseDuration(written) === 0) return problem('too short', 'for no limit write none');
      return limited.parse(written, file);
    },
  };
}

/** Waiting times: from `minMs`, doubling, up to `maxMs`. */
export interface DelayRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/** One duration, or two as in `30s..15m`. */
export function delayRange(minMs: number): ValueType<DelayRange> {
  const single = duration(minMs);
  const tip = 'try 30s or 30s..15m';
  return {
    expects: 'a delay',
    tip,
    parse(written, file) {
      const [from = '', to = from, ...more] = written.split('..').map((part) => part.trim());
      if (more.length > 0) return problem('not a delay', tip);
      const min = single.parse(from, file);
      const max = single.parse(to, file);
      for (const end of [min, max])
        if (!end.ok) return end.fix === single.tip ? problem('not a delay', tip) : end;
      if (!min.ok || !max.ok) return problem('not a delay', tip);
      if (min.value > max.value) return problem('the range ends before it begins', `try ${to}..${from}`);
      return valid({ minMs: min.value, maxMs: max.value });
    },
  };
}

function parseDuration(written: string): number | undefined {
  if (written === '0') return 0;
  const [, digits, unit = ''] = /^(\d{1,12}) ?(ms|s|m|h|d)$/i.exec(written) ?? [];
  const unitMs = UNIT_MS[unit.toLowerCase()];
  return digits === undefined || unitMs === undefined ? undefined : Number(digits) * unitMs;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes, from `512 64K 10M 2G`. */
export const size: ValueType<number> = {
  expects: 'a size',
  tip: 'try 64K, 10M, 2G',
  parse(written) {
    const [, digits, unit = ''] = /^(\d{1,12}) ?([kmg]?)(?:i?b)?$/i.exec(written) ?? [];
    const bytes = Number(digits) * (UNIT_BYTES[unit.toLowerCase()] ?? Number.NaN);
    if (!Number.isSafeInteger(bytes)) return problem('not a size', this.tip);
    return bytes === 0 ? problem('too small', this.tip) : valid(bytes);
  },
};

/** As `size`, or `none`: undefined. */
export const sizeOrNone: ValueType<number | undefined> = {
  ...size,
  parse: (written, file) => (written.toLowerCase() === 'none' ? valid(undefined) : size.parse(written, file)),
};

const TRUE = ['yes', 'true', 'on', '1'];
const FALSE = ['no', 'false', 'off', '0'];

/** `yes/no`, `true/false`, `on/off`, `1/0`, in any case. */
export const boolean: ValueType<boolean> = {
  expects: 'yes or no',
  tip: 'write yes or no',
  parse(written) {
    const lower = written.toLowerCase();
    if (TRUE.includes(lower)) return valid(true);
    return FALSE.includes(lower) ? valid(false) : problem('not yes or no', this.tip);
  },
};

/** A whole number within limits. */
export function integer(min: number, max: number): ValueType<number> {
  const tip = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
  return {
    expects: 'a whole number',
    tip,
    parse(written) {
      if (!/^[+-]?\d+$/.test(written)) return problem('not a whole number', tip);
      const value = Number(written);
      return value < min || value > max ? problem('out of range', tip) : valid(value);
    },
  };
}

/** One of a few words. */
export function choice<const W extends string>(words: readonly W[]): ValueType<W> {
  const expects = words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`;
  const tip = `write ${words.join(' or ')}`;
  return {
    expects,
    tip,
    parse(written) {
      const lower = written.toLowerCase();
      const word = words.find((candidate) => candidate === lower);
      if (word !== undefined) return valid(word);
      return problem(`not ${expects}`, didYouMean(written, words, tip));
    },
  };
}

/** Items separated by white space or commas; no item, no element. */
export function list<T>(item: ValueType<T>): ValueType<T[]> {
  return {
    expects: `a list, each ${item.expects}`,
    tip: item.tip,
    parse(written, file) {
      const values: T[] = [];
      for (const part of written.split(/[\s,]+/).filter((word) => word !== '')) {
        const parsed = item.parse(part, file);
        if (!parsed.ok) return problem(`"${part}" is ${parsed.message}`, parsed.fix);
        values.push(parsed.value);
      }
      return valid(values);
    },
  };
}

/** A place in a message's body, such as `dynamic.cart`. */
export const bodyPath: ValueType<string> = {
  expects: 'a path into the message',
  tip: 'names with dots between, such as dynamic.cart',
  parse(written) {
    return written.split('.').includes('')
      ? problem('not a path into the message', this.tip)
      : valid(written);
  },
};

/** A file that can be read, as an absolute path; relative ones start at the INI file's folder. */
export const readableFile: ValueType<string> = {
  expects: 'a file that can be read',
  tip: 'a path, relative to the INI file',
  parse(written, file) {
    if (written === '') return problem('empty', this.tip);
    if (written.includes('\0')) return problem('has a NUL character', 'remove it');
    const path = resolve(dirname(file), written);
    const why = whyUnreadable(path);
    return why === undefined ? valid(path) : problem(why.unreadable, why.fix);
  },
};

/** A program by its name or path. */
export const program: ValueType<string> = {
  expects: 'a program',
  tip: 'write its name or its path',
  parse(written, file) {
    const parsed = text({ min: 1 }).parse(written, file);
    if (!parsed.ok || !/\s/.test(written) || existsSync(resolve(dirname(file), written))) return parsed;
    return problem('not one program', 'write its name or its path, without arguments');
  },
};

/** Makes the good half of a Parsed. */
export function valid<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** Makes the bad half of a Parsed. */
export function problem(message: string, fix: string): { ok: false; message: string; fix: string } {
  return { ok: false, message, fix };
}
