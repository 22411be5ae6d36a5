import { type DeadLetter, isNamed } from '../../client/dead-letter.ts';
import type { Wanted } from '../../client/dead-letters.ts';
import { EXIT } from '../exit-codes.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/** The ids that somebody named, and how many dead letters each has turned out to stand for. */
export interface NamedIds {
  meet(letter: DeadLetter): void;
  /** Says on stderr which ids stand for none (exit status 1), and which for more than one. */
  report(): void;
}

/** Watches which dead letters of `queue` the ids of `wanted` name; 'all' names none in particular. */
export function watchIds(queue: string, wanted: Wanted): NamedIds {
  const met = new Map((wanted === 'all' ? [] : wanted).map((id) => [id, 0]));
  return {
    meet(letter) {
      for (const [id, times] of met) if (isNamed(letter, id)) met.set(id, times + 1);
    },
    report() {
      for (const [id, times] of met) {
        if (times === 1) continue;
        if (times === 0) process.exitCode = EXIT.jobFailed;
        const words =
          times === 0
            ? `no dead letter ${oneLine(id)} (rbit-ts dead list ${queue} shows all)`
            : `${oneLine(id)} stands for ${times} dead letters: each of them was meant`;
        process.stderr.write(`${words}\n`);
      }
    },
  };
}
