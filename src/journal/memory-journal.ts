import type { Verdict } from '../job/verdict.ts';
import type { Entry, Journal } from './journal.ts';

/** A message that was lost to us may be worked by another host and never come back, so what waits is bounded. */
const MOST_WAITING = 10_000;

/** A journal that lasts as long as the daemon: it knows jobs across lost connections, not across a crash. */
export function createMemoryJournal(mostWaiting = MOST_WAITING): Journal {
  const waiting = new Map<string, { verdict: Verdict | undefined }[]>();
  let waitingCount = 0;

  function keep(print: string, verdict: Verdict | undefined): void {
    if (waitingCount >= mostWaiting) dropOldest();
    const equal = waiting.get(print) ?? [];
    // Re-inserting moves the print to the end: the map's order is then the order of the last loss.
    waiting.delete(print);
    waiting.set(print, [...equal, { verdict }]);
    waitingCount += 1;
  }

  function take(print: string): { verdict: Verdict | undefined } | undefined {
    const equal = waiting.get(print);
    const oldest = equal?.shift();
    if (equal?.length === 0) waiting.delete(print);
    if (oldest !== undefined) waitingCount -= 1;
    return oldest;
  }

  function dropOldest(): void {
    const [print] = waiting.keys();
    if (print !== undefined) take(print);
  }

  function entry(print: string, known: Verdict | undefined, isRecalled: boolean): Entry {
    let verdict = known;
    return {
      get verdict() {
        return verdict;
      },
      isRecalled,
      async ended(decided) {
        verdict = decided;
      },
      async settled() {
        // Nothing to forget: a record that is held is known to its holder alone.
      },
      async released() {
        keep(print, verdict);
      },
    };
  }

  return {
    async begin(print) {
      return entry(print, undefined, false);
    },
    async recall(print) {
      const record = take(print);
      return record === undefined ? undefined : entry(print, record.verdict, true);
    },
  };
}
