import { statSync } from 'node:fs';

/** Which file a path leads to. Undefined when it leads to none, or the database is in memory. */
export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
