import type { Treatment, Wanted } from '../../client/dead-letters.ts';
import { isLive } from '../terminal/display-port.ts';
import { EXIT } from '../exit-codes.ts';
import { createLiveLine } from '../terminal/live-line.ts';
import { createPaint, type Piece } from '../terminal/paint.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/** Tells what becomes of dead letters as they are retried or dropped, and sums it up. */
export interface DeadTally {
  add(treatment: Treatment): void;
  /** One of those that there are was not meant. */
  passOver(): void;
  end(): void;
}

export interface DeadTallyOptions {
  /** What is done to them: `retried`, `dropped`. */
  readonly done: string;
  readonly wanted: Wanted;
  /** How many there are at most. */
  readonly count: number;
  readonly mask: (text: string) => string;
}

const BAR_COLUMNS = 24;

/**
 * A line on stdout for each one that was named, and for all of them a bar on a terminal and their sum. Each one that had
 * to be left is a line on stderr and makes the exit status 1.
 */
export function createDeadTally({ done, wanted, count, mask }: DeadTallyOptions): DeadTally {
  let doneCount = 0;
  let leftCount = 0;
  let total = count;
  const line =
    wanted === 'all' && isLive(process.stderr)
      ? createLiveLine(process.stderr, createPaint(true), status)
      : undefined;

  function status(): Piece[] {
    const treated = doneCount + leftCount;
    return [
      [progressBar((100 * treated) / total, BAR_COLUMNS), 'cyan'],
      [` ${doneCount} of ${total} ${done}`],
    ];
  }

  function complain(text: string): void {
    process.exitCode = EXIT.jobFailed;
    if (line === undefined) process.stderr.write(`${text}\n`);
    else line.print(text);
  }

  return {
    add(treatment) {
      const { letter } = treatment;
      if (treatment.kind === 'left') {
        leftCount += 1;
        complain(mask(`${letter.id} stays where it is: ${oneLine(treatment.reason)}`));
        return;
      }
      doneCount += 1;
      if (wanted === 'all') return;
      const where = treatment.to === undefined ? '' : `, it is on ${treatment.to} again`;
      process.stdout.write(mask(`${letter.id} ${done}${where}\n`));
    },
    passOver() {
      total -= 1;
    },
    end() {
      line?.close();
      if (wanted !== 'all') return;
      const letters = doneCount === 1 ? 'dead letter' : 'dead letters';
      const left = total - doneCount;
      process.stdout.write(`${doneCount} ${letters} ${done}${left === 0 ? '' : `, ${left} left`}\n`);
    },
  };
}
