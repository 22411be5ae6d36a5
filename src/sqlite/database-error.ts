/**
 * Why a database cannot be used:
 * - `not-a-database`: the file is something else, or is damaged; nothing was changed.
 * - `newer`: a newer version of this program has written it; nothing was changed.
 * - `not-writable`: file or folder may not be opened, made or written.
 * - `unavailable`: not now (no room, an I/O error, somebody holds it); trying again may help.
 */
export type DatabaseErrorKind = 'not-a-database' | 'newer' | 'not-writable' | 'unavailable';

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly kind: DatabaseErrorKind;

  constructor(kind: DatabaseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Primary result codes, https://www.sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const KINDS: Readonly<Record<number, readonly [DatabaseErrorKind, string]>> = {
  [BUSY]: ['unavailable', 'another process holds it'],
  [LOCKED]: ['unavailable', 'it is in use'],
  3: ['not-writable', 'permission denied'],
  8: ['not-writable', 'it may not be written'],
  10: ['unavailable', 'disk I/O error'],
  11: ['not-a-database', 'it is damaged'],
  13: ['unavailable', 'the disk is full'],
  14: ['not-writable', 'it cannot be opened or made'],
  26: ['not-a-database', 'it is not a SQLite database'],
};

/** What SQLite threw, in this program's words; anything else stays as it is. */
export function toDatabaseError(error: unknown): unknown {
  const code = primaryCode(error);
  if (code === undefined) return error;
  const [kind, words] = KINDS[code] ?? (['unavailable', (error as Error).message] as const);
  return new DatabaseError(kind, words, { cause: error });
}

/** Another connection is writing: nothing is wrong, and soon it will be over. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error) ?? primaryCode((error as Error).cause);
  return code === BUSY || code === LOCKED;
}

/** SQLite's result code, if it is one of its errors. Extended codes carry the primary one in their lowest byte. */
export function primaryCode(error: unknown): number | undefined {
  const { errcode } = Object(error) as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}
