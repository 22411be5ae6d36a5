import { type Display, isLive } from './display-port.ts';
import { createPaint } from './paint.ts';
import { oneLine } from './terminal-text.ts';

/** A dimmed line on standard error when that is a terminal, else nothing. */
export function noteOnStderr(text: string): void {
  const { isTTY } = process.stderr;
  if (isTTY) process.stderr.write(`${createPaint(isTTY)('dim', oneLine(text))}\n`);
}

/** A line that is to be heard in any case: above the status line where there is one, which it would tear apart, else on stderr. */
export function sayBeside(display: Display, text: string): void {
  if (isLive(process.stdout)) display.note(text);
  else process.stderr.write(`${oneLine(text)}\n`);
}
