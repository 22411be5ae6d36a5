import { type DeadLetter, isNamed } from '../../client/dead-letter.ts';
import type { Wanted } from '../../client/dead-letters.ts';
import { EXIT } from '../exit-codes.ts';
import { oneLine } from '../terminal/terminal-text.ts';
import type { DeadQueue } from './scope.ts';

/** Which dead letters a command has met: those that it is about, and those of other queues beside them. */
export interface Census {
  meet(letter: DeadLetter): void;
  passOver(letter: DeadLetter): void;
  /**
   * Says on stderr which of the named ids stand for none (exit status 1), and which for more than one; where all were
   * wanted, how many were passed over.
   */
  report(): void;
}

/** Counts the dead letters that `wanted` means on a queue. */
export function startCensus(
  { name, asked }: DeadQueue,
  wanted: Wanted,
  mask: (text: string) => string,
): Census {
  const met = new Map((wanted === 'all' ? [] : wanted).map((id) => [id, 0]));
  const elsewhere = new Map<string, DeadLetter>();
  let passedOver = 0;

  const say = (line: string): boolean => process.stderr.write(mask(`${line}\n`));

  function reportOne(id: string, times: number): void {
    if (times === 1) return;
    if (times > 1) {
      say(`${oneLine(id)} stands for ${times} dead letters: each of them was meant`);
      return;
    }
    process.exitCode = EXIT.jobFailed;
    const other = elsewhere.get(id);
    if (other === undefined) say(`no dead letter ${oneLine(id)} (rbit-ts dead list ${asked} shows all)`);
    else {
      const diedOn = other.queue === undefined ? 'nobody knows where' : `on ${oneLine(other.queue)}`;
      say(`${oneLine(id)} died ${diedOn}, not on ${asked} (rbit-ts dead list ${name} shows all)`);
    }
  }

  return {
    meet(letter) {
      for (const [id, times] of met) if (isNamed(letter, id)) met.set(id, times + 1);
    },
    passOver(letter) {
      passedOver += 1;
      for (const id of met.keys()) if (isNamed(letter, id)) elsewhere.set(id, letter);
    },
    report() {
      for (const [id, times] of met) reportOne(id, times);
      if (wanted !== 'all' || passedOver === 0) return;
      const are = passedOver === 1 ? 'is' : 'are';
      say(
        `${passedOver} more on ${name} ${are} not known to have died on ${asked} (rbit-ts dead list ${name} shows all)`,
      );
    },
  };
}
