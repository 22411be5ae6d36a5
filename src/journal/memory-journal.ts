import type { Verdict } from '../job/verdict.ts';
import type { Entry, Journal, MessagePrint } from './journal.ts';

/** How many records wait at most, and how many prints are remembered for telling equal messages. */
const MOST_REMEMBERED = 10_000;

interface Waiting {
  readonly queue: string;
  readonly verdict: Verdict | undefined;
  readonly releasedAtMs: number;
}

/** A journal that lasts as long as the daemon: it knows jobs across lost connections, not across a crash. */
export function createMemoryJournal(mostRemembered = MOST_REMEMBERED): Journal {
  const waiting = new Map<string, Waiting>();
  /** Prints of jobs that began, oldest first; true once there were two. */
  const seen = new Map<string, boolean>();

  function see(print: string): void {
    seen.set(print, seen.has(print));
    forgetOldest(seen, mostRemembered);
  }

  function entry({ queue, print, isIdentified }: MessagePrint, recalled?: Waiting): Entry {
    let verdict = recalled?.verdict;
    return {
      get verdict() {
        return verdict;
      },
      isRecalled: recalled !== undefined,
      async ended(decided) {
        verdict = decided;
      },
      async settled() {
        // Nothing to forget: a record that is held is known to its holder alone.
      },
      async released() {
        // The next equal message that is redelivered may be this one or another job: then it had better run.
        if (!isIdentified || seen.get(print) === true) return;
        waiting.delete(print);
        waiting.set(print, { queue, verdict, releasedAtMs: Date.now() });
        forgetOldest(waiting, mostRemembered);
      },
    };
  }

  return {
    async begin(message) {
      see(message.print);
      return entry(message);
    },
    async recall(message) {
      const found = waiting.get(message.print);
      waiting.delete(message.print);
      return found === undefined ? undefined : entry(message, found);
    },
    expire(queue, beforeMs) {
      for (const [print, record] of waiting) {
        if (record.queue === queue && record.releasedAtMs < beforeMs) waiting.delete(print);
      }
    },
  };
}

function forgetOldest(remembered: Map<string, unknown>, most: number): void {
  const [oldest] = remembered.keys();
  if (remembered.size > most && oldest !== undefined) remembered.delete(oldest);
}
