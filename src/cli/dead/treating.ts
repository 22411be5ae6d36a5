import { createInterface } from 'node:readline/promises';
import type { DeadLetter } from '../../client/dead-letter.ts';
import {
  type DeadLetterQueue,
  dropDeadLetters,
  retryDeadLetters,
  type Treatment,
  type Wanted,
} from '../../client/dead-letters.ts';
import { readConfigAsClient } from '../read-config.ts';
import { UsageError } from '../usage-error.ts';
import { startCensus } from './census.ts';
import { withDeadLetters } from './queue.ts';
import { type DeadQueue, findDeadQueue, homeOf, isWhole } from './scope.ts';
import { createDeadTally, type DeadTally } from './tally.ts';

export interface TreatingOptions {
  readonly config?: readonly string[];
  readonly all?: true;
  /** Only where dropping: do not ask. */
  readonly yes?: true;
}

/** How one command treats dead letters. */
interface Treating {
  readonly command: string;
  /** What has then been done to them. */
  readonly done: string;
  /** Asked once, when it is known how many there are. */
  readonly isMeant?: (from: DeadLetterQueue, queue: DeadQueue) => Promise<boolean>;
  readonly treat: (
    from: DeadLetterQueue,
    wanted: Wanted,
    queue: DeadQueue,
    onTreated: (treatment: Treatment) => void,
  ) => Promise<void>;
}

/** `dead retry`. */
export async function retryOnQueue(
  asked: string,
  ids: readonly string[],
  options: TreatingOptions,
): Promise<void> {
  await run(asked, ids, options, {
    command: 'retry',
    done: 'retried',
    treat: (from, wanted, queue, onTreated) =>
      retryDeadLetters(from, wanted, (letter) => homeOf(letter, queue), onTreated),
  });
}

/** `dead drop`; on a terminal it asks before it drops all, elsewhere that takes `--yes`. */
export async function dropFromQueue(
  asked: string,
  ids: readonly string[],
  options: TreatingOptions,
): Promise<void> {
  const isQuestion = options.all === true && options.yes === undefined;
  if (isQuestion && !(process.stdin.isTTY && process.stderr.isTTY))
    throw new UsageError('dead drop --all: nobody can be asked here; say --yes as well if it is meant');
  await run(asked, ids, options, {
    command: 'drop',
    done: 'dropped',
    isMeant: async ({ count, signal }, queue) =>
      !isQuestion || confirm(`${dropQuestion(queue, count)} [y/N] `, signal),
    treat: (from, wanted, _queue, onTreated) => dropDeadLetters(from, wanted, onTreated),
  });
}

/** How many of them died on the queue that was asked for is known only when all have been looked at. */
function dropQuestion(queue: DeadQueue, count: number): string {
  const { name, asked } = queue;
  if (isWhole(queue)) return `Drop all ${count} dead letters on ${name} for good?`;
  return `Drop the dead letters of ${asked} for good (${count} ${count === 1 ? 'is' : 'are'} on ${name}, those of other queues stay)?`;
}

async function run(
  asked: string,
  ids: readonly string[],
  { all, config: files }: TreatingOptions,
  { command, done, isMeant, treat }: Treating,
): Promise<void> {
  if (all === true && ids.length > 0) throw new UsageError(`dead ${command}: either IDs or --all, not both`);
  if (all === undefined && ids.length === 0)
    throw new UsageError(`dead ${command}: name IDs (rbit-ts dead list ${asked} shows them), or say --all`);
  const config = await readConfigAsClient(files ?? []);
  const queue = findDeadQueue(config, asked);
  const wanted = all === true ? 'all' : ids;
  const { mask } = config.secrets;
  const census = startCensus(queue, wanted, mask);
  let tally: DeadTally | undefined;
  const onOther = (letter: DeadLetter): void => {
    census.passOver(letter);
    tally?.passOver();
  };
  const isThere = await withDeadLetters(config, queue, onOther, async (from) => {
    if (isMeant !== undefined && !(await isMeant(from, queue))) return;
    const counting = createDeadTally({ done, wanted, count: from.count, mask });
    tally = counting;
    try {
      await treat(from, wanted, queue, (treatment) => {
        census.meet(treatment.letter);
        counting.add(treatment);
      });
    } finally {
      counting.end();
    }
    census.report();
  });
  if (isThere) return;
  census.report();
  process.stdout.write('no dead letters\n');
}

async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question, { signal })).trim());
  } finally {
    terminal.close();
  }
}
