import { isUtf8 } from 'node:buffer';
import type { DeadLetter } from '../../client/dead-letter.ts';
import { harmless, harmlessJson, oneLine } from '../terminal/terminal-text.ts';

/** A message's own part of it. */
interface Contents {
  readonly body: Buffer;
  readonly properties: { readonly headers: object };
}

/** More of a body is not shown to people. */
const LONGEST_BODY = 64 * 1024;

/** The columns of `dead list`. */
export const DEAD_LETTER_COLUMNS = ['id', 'died at', 'runner', 'attempts', 'bytes', 'reason'];

/** One row of `dead list`, without control characters. */
export function deadLetterRow({ id, diedAt, runner, attempt, bytes, reason }: DeadLetter): string[] {
  const cells = [id, diedAt, runner, attempt, bytes, reason];
  return cells.map((cell) => (cell === undefined ? '-' : oneLine(String(cell))));
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
    return { body: JSON.parse(text) };
  } catch {
    return { text };
  }
}

function bodyLines(body: Buffer): string[] {
  const value = bodyValue(body);
  const text =
    'body' in value ? JSON.stringify(value.body, null, 2) : 'text' in value ? value.text : value.base64;
  const lines = text.slice(0, LONGEST_BODY).split(/\r?\n/);
  const more = text.length - LONGEST_BODY;
  return more > 0 ? [...lines, `… and ${more} characters more (--json shows all)`] : lines;
}
