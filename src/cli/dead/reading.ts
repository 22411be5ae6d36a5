import type { DeadLetter } from '../../client/dead-letter.ts';
import {
  type DeadLetterQueue,
  MOST_IN_PLACE,
  type OnLetter,
  readDeadLetters,
  type Wanted,
} from '../../client/dead-letters.ts';
import type { Config } from '../../config/config.ts';
import { maskJson } from '../../config/masked-json.ts';
import { readConfigAsClient } from '../read-config.ts';
import { cut, harmlessJson } from '../terminal/terminal-text.ts';
import { startCensus } from './census.ts';
import { deadLetterJson, deadLetterTable, deadLetterText } from './letter-text.ts';
import { withDeadLetters } from './queue.ts';
import { type DeadQueue, findDeadQueue, isMixed } from './scope.ts';

export interface ReadingOptions {
  readonly config?: readonly string[];
  readonly limit: number;
  readonly json?: true;
}

/** `dead list`: a table whose lines fit the terminal, or one line of JSON for each dead letter. */
export async function listDeadLetters(
  asked: string,
  { config: files, limit, json }: ReadingOptions,
): Promise<void> {
  const config = await readConfigAsClient(files ?? []);
  const mask = (text: string): string => maskJson(text, config.secrets.mask);
  const letters: DeadLetter[] = [];
  const queue = findDeadQueue(config, asked);
  await read({ config, queue, wanted: 'all', limit, json }, (letter) => {
    if (json) process.stdout.write(mask(`${harmlessJson(letter)}\n`));
    else letters.push(letter);
  });
  if (letters.length > 0) process.stdout.write(mask(fitted(deadLetterTable(letters, isMixed(queue)))));
}

/** `dead show`: properties, headers and body of the dead letters that are named, else of the first ones. */
export async function showDeadLetters(
  asked: string,
  ids: readonly string[],
  { config: files, limit, json }: ReadingOptions,
): Promise<void> {
  const config = await readConfigAsClient(files ?? []);
  const wanted = ids.length === 0 ? 'all' : ids;
  const queue = findDeadQueue(config, asked);
  await read({ config, queue, wanted, limit, json }, (letter, message) => {
    const text = json ? `${deadLetterJson(letter, message)}\n` : deadLetterText(letter, message);
    process.stdout.write(maskJson(text, config.secrets.mask));
  });
}

interface Reading {
  readonly config: Config;
  readonly queue: DeadQueue;
  readonly wanted: Wanted;
  readonly limit: number;
  readonly json: true | undefined;
}

/** Reads what was asked for, and says what was not there, or not read. */
async function read({ config, queue, wanted, limit, json }: Reading, onLetter: OnLetter): Promise<void> {
  const census = startCensus(queue, wanted, config.secrets.mask);
  let shown = 0;
  const isThere = await withDeadLetters(
    config,
    queue,
    (letter) => census.passOver(letter),
    async (from) => {
      const mayBeMore = await readDeadLetters(from, wanted, limit, (letter, message) => {
        census.meet(letter);
        shown += 1;
        onLetter(letter, message);
      });
      if (mayBeMore) noteMore(shown, limit, from);
      else if (shown === 0 && wanted === 'all') sayNone();
      census.report();
    },
  );
  if (isThere) return;
  census.report();
  sayNone();

  function sayNone(): void {
    if (!json) process.stdout.write('no dead letters\n');
  }
}

function fitted(text: string): string {
  const { isTTY, columns } = process.stdout;
  if (!isTTY || !columns) return text;
  return text
    .split('\n')
    .map((line) => cut(line, columns))
    .join('\n');
}

function noteMore(shown: number, limit: number, { queue, count }: DeadLetterQueue): void {
  const most = Math.min(count, MOST_IN_PLACE);
  const rest =
    limit < most
      ? `--limit ${most} shows ${most < count ? 'more' : 'all'}`
      : most < count
        ? `only the first ${most} can be looked at where they are`
        : 'somebody else has taken the others';
  process.stderr.write(`${shown} shown, ${count} on ${queue}; ${rest}\n`);
}
