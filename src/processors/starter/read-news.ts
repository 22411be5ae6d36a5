import { constants } from 'node:os';
import type { ChildExit } from '../child/start.ts';

/** What a starter tells, in a line that starter.py describes. */
export type News =
  | { readonly kind: 'ready'; readonly stdout: number; readonly stderr: number }
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly errno: number }
  | { readonly kind: 'ended'; readonly pid: number; readonly exit: ChildExit };

/** Of several names for a signal the first one: SIGABRT, not SIGIOT. */
const SIGNALS: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name] as const)
    .toReversed(),
);

/** Undefined for anything else. */
export function readNews(line: string): News | undefined {
  const [kind, ...words] = line.split(' ');
  const [first = 0, second = 0, third = 0] = words.map(Number);
  switch (kind) {
    case 'ready':
      return { kind, stdout: first, stderr: second };
    case 'started':
      return { kind, pid: first };
    case 'failed':
      return { kind, errno: first };
    case 'ended':
      return { kind, pid: first, exit: { ...exitOf(second), isAlone: third === 0 } };
    case undefined:
    default:
      return undefined;
  }
}

/** A status of wait(2): the signal in its lower 7 bits, above the bit that tells of a core the exit code. */
function exitOf(status: number): ChildExit {
  const signal = status & 127;
  if (signal === 0) return { kind: 'exited', code: status >> 8 };
  return { kind: 'killed', signal: SIGNALS.get(signal) ?? `signal ${signal}` };
}
