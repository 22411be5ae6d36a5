import { execFileSync } from 'node:child_process';

/** The interpreter itself behind `python3`: a version manager's stand-in costs 0.2 s a start, and changes PATH. */
export function findPython(): string {
  return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}
