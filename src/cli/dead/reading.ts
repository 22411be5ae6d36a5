import type { DeadLetter } from '../../client/dead-letter.ts';
import { readDeadLetters } from '../../client/dead-letters.ts';
import { DEAD_LETTER_COLUMNS, deadLetterJson, deadLetterRow, deadLetterText } from './letter-text.ts';
import { findDeadQueue, withDeadLetters } from './queue.ts';
import { watchIds } from './named-ids.ts';
import { readConfig } from '../read-config.ts';
import { table } from '../terminal/table.ts';
import { cut, harmlessJson } from '../terminal/terminal-text.ts';

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
  const config = await readConfig(files ?? []);
  const { mask } = config.secrets;
  const isThere = await withDeadLetters(config, findDeadQueue(config, asked), async (from) => {
    const letters: DeadLetter[] = [];
    await readDeadLetters(from, 'all', limit, (letter) => {
      if (json) process.stdout.write(mask(`${harmlessJson(letter)}\n`));
      else letters.push(letter);
    });
    if (!json) process.stdout.write(mask(fitted(table(DEAD_LETTER_COLUMNS, letters.map(deadLetterRow)))));
    noteMore(limit, from.count);
  });
  if (!isThere && !json) process.stdout.write('no dead letters\n');
}

/** `dead show`: properties, headers and body of the dead letters that are named, else of the first ones. */
export async function showDeadLetters(
  asked: string,
  ids: readonly string[],
  { config: files, limit, json }: ReadingOptions,
): Promise<void> {
  const config = await readConfig(files ?? []);
  const wanted = ids.length === 0 ? 'all' : ids;
  const named = watchIds(asked, wanted);
  const isThere = await withDeadLetters(config, findDeadQueue(config, asked), async (from) => {
    await readDeadLetters(from, wanted, limit, (letter, message) => {
      named.meet(letter);
      const text = json ? `${deadLetterJson(letter, message)}\n` : deadLetterText(letter, message);
      process.stdout.write(config.secrets.mask(text));
    });
    named.report();
    if (wanted === 'all') noteMore(limit, from.count);
  });
  if (isThere) return;
  named.report();
  if (!json) process.stdout.write('no dead letters\n');
}

function fitted(text: string): string {
  const { isTTY, columns } = process.stdout;
  if (!isTTY || !columns) return text;
  return text
    .split('\n')
    .map((line) => cut(line, columns))
    .join('\n');
}

function noteMore(limit: number, count: number): void {
  if (count > limit) process.stderr.write(`${limit} of ${count} dead letters; --limit ${count} shows all\n`);
}
