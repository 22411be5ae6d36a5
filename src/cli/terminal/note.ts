import { createPaint } from './paint.ts';
import { oneLine } from './terminal-text.ts';

/** A dimmed line on standard error when that is a terminal, else nothing. */
export function noteOnStderr(text: string): void {
  const { isTTY } = process.stderr;
  if (isTTY) process.stderr.write(`${createPaint(isTTY)('dim', oneLine(text))}\n`);
}
