import { isUtf8 } from 'node:buffer';
import type { DeadLetter } from '../../client/dead-letter.ts';
import { parseExactly } from '../../job/exact-json.ts';
import { table } from '../terminal/table.ts';
import { harmless, harmlessJson, oneLine } from '../terminal/terminal-text.ts';

/** A message's own part of it. */
interface Contents {
  readonly body: Buffer;
  readonly properties: { readonly headers: object };
}

/** More of a body is not shown to people. */
const LONGEST_BODY = 64 * 1024;

/** The table of `dead list`, without control characters; `withQueues`: also where each one died. */
export function deadLetterTable(letters: readonly DeadLetter[], withQueues: boolean): string {
  const head = ['id', 'died at', ...(withQueues ? ['queue'] : []), 'runner', 'attempts', 'bytes', 'reason'];
  const rows = letters.map(({ id, diedAt, queue, runner, attempt, bytes, reason }) => {
    const cells = [id, diedAt, ...(withQueues ? [queue] : []), runner, attempt, bytes, reason];
    return cells.map((cell) => (cell === undefined ? '-' : oneLine(String(cell))));
  });
  return table(head, rows);
}

/** All that there is to know of a dead letter, for people: several lines, the last one ends. */
export function deadLetterText(letter: DeadLetter, { body, properties }: Contents): string {
  const { headers, ...others } = properties;
  const { id, bytes, ...facts } = letter;
  return [
    `dead letter ${id}`,
    ...fields(facts),
    'properties',
    ...fields(others),
    'headers',
    ...fields(headers),
    `body (${bytes} bytes)`,
    ...bodyLines(body).map((line) => `  ${harmless(line)}`),
    '',
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** The same as one line of JSON: the body as `body` if it is JSON, else as `text`, or as `base64` if it is not UTF-8. */
export function deadLetterJson(letter: DeadLetter, { body, properties }: Contents): string {
  return harmlessJson({ ...letter, properties, ...bodyValue(body) });
}

function fields(values: object): string[] {
  const entries = Object.entries(values);
  const width = Math.max(0, ...entries.map(([name]) => oneLine(name).length));
  return entries.map(([name, value]) => {
    const text = typeof value === 'string' ? oneLine(value) : harmlessJson(value);
    return `  ${oneLine(name).padEnd(width)}  ${text}`;
  });
}

function bodyValue(body: Buffer): { body: unknown } | { text: string } | { base64: string } {
  if (!isUtf8(body)) return { base64: body.toString('base64') };
  const text = body.toString();
  try {
    const value = parseExactly(text);
    // What is nested too deep can be read, but not written.
    JSON.stringify(value);
    return { body: value };
  } catch {
    return { text };
  }
}

function bodyLines(body: Buffer): string[] {
  const value = bodyValue(body);
  const text = textOf(value, body);
  const lines = text.slice(0, LONGEST_BODY).split(/\r?\n/);
  const more = text.length - LONGEST_BODY;
  return more > 0 ? [...lines, `… and ${more} characters more (--json shows all)`] : lines;
}

function textOf(value: ReturnType<typeof bodyValue>, body: Buffer): string {
  if ('base64' in value) return value.base64;
  // Indenting makes a long text longer still, and most of it is not shown.
  return 'body' in value && body.length <= LONGEST_BODY ? indented(value.body) : body.toString();
}

function indented(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return JSON.stringify(value);
  }
}
