import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';

/** What is wrong with a file that cannot be read, in words for the user. */
export interface Unreadable {
  readonly unreadable: string;
  readonly fix: string;
  /** Where it stops being text. */
  readonly line?: number;
}

/** Reads UTF-8 text. With `limit`, in bytes, it has to be a regular file; without, a pipe will do. */
export function readText(path: string, limit?: number): { text: string } | Unreadable {
  const read = readBytes(path, limit);
  if ('unreadable' in read) return read;
  const { bytes } = read;
  if (!isUtf8(bytes))
    return { unreadable: 'not UTF-8 text', fix: 'save it as UTF-8', line: firstBadLine(bytes) };
  return { text: bytes.toString('utf8') };
}

/** What keeps this process from reading a regular file, whatever is in it; undefined when nothing does. */
export function whyUnreadable(path: string): Unreadable | undefined {
  const read = readBytes(path, Number.MAX_SAFE_INTEGER);
  return 'unreadable' in read ? read : undefined;
}

/** False also for what is not there, or cannot be looked at. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function readBytes(path: string, limit: number | undefined): { bytes: Buffer } | Unreadable {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { unreadable: 'is a directory', fix: 'name a file in it' };
    if (limit !== undefined && !stat.isFile())
      return { unreadable: 'not a regular file', fix: 'name a file' };
    if (limit !== undefined && stat.size > limit)
      return { unreadable: `larger than ${limit / 1024} KiB`, fix: 'is it the right file?' };
    return { bytes: readFileSync(path) };
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): Unreadable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { unreadable: 'no such file', fix: 'check the path' };
    case 'EACCES':
    case 'EPERM':
      return { unreadable: 'may not be read', fix: 'check its owner and mode' };
    default:
      return { unreadable: `cannot be read: ${code}`, fix: 'check the path' };
  }
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    if (!isUtf8(bytes.subarray(start, end))) return line;
    line += 1;
    start = end + 1;
  }
  return line;
}
