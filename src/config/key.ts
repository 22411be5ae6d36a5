import type { Way } from './processors.ts';
import type { ValueType } from './values.ts';

/** One key of a section: all that reading it, checking it and describing it takes. */
export interface Key<T> {
  readonly type: ValueType<T>;
  /** As one would write it; undefined when nothing stands for the absent key. */
  readonly default: string | undefined;
  /** The value when the key is absent. */
  readonly absent: T;
  readonly meaning: string;
  /** Taken as written: `${env:…}` means nothing in it, and ` ;` is nothing odd. */
  readonly verbatim?: boolean;
  /** The ways of running a job that heed it; all of them if absent. */
  readonly ways?: readonly Way[];
  /** Whoever writes it relies on it: with a runner that cannot heed it, it is an error. */
  readonly isPromise?: boolean;
  /** What people call it elsewhere. */
  readonly aliases?: readonly string[];
}

export type Keys = Readonly<Record<string, Key<unknown>>>;

/** The typed values of a section with these keys. */
export type ValuesOf<K extends Keys> = { readonly [N in keyof K]: K[N] extends Key<infer T> ? T : never };

type Extras = Pick<Key<unknown>, 'verbatim' | 'ways' | 'isPromise' | 'aliases'>;

/** A key with a default, which must be a good value itself. */
export function key<T>(type: ValueType<T>, standard: string, meaning: string, extras: Extras = {}): Key<T> {
  const parsed = type.parse(standard, '');
  if (!parsed.ok) throw new Error(`the default "${standard}" is ${parsed.message}`);
  return { type, default: standard, absent: parsed.value, meaning, ...extras };
}

/** A key whose absence means something. */
export function optional<T>(type: ValueType<T>, meaning: string, extras: Extras = {}): Key<T | undefined> {
  return { type, default: undefined, absent: undefined, meaning, ...extras };
}
