import { styleText } from 'node:util';
import { cut, widthOf } from './terminal-text.ts';

export type Style = 'dim' | 'bold' | 'green' | 'red' | 'yellow' | 'cyan';

/** Text in a colour, or as it is where colours are not wanted. */
export type Paint = (style: Style, text: string) => string;

/** A piece of a line: its text, without control characters, and how it looks. */
export type Piece = readonly [text: string, style?: Style];

/** Colours for a terminal, unless NO_COLOR is set to something (no-color.org). */
export function createPaint(isTerminal: boolean, env: NodeJS.ProcessEnv = process.env): Paint {
  if (!isTerminal || (env['NO_COLOR'] ?? '') !== '') return (_, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}

/** One line out of pieces, cut to so many columns. */
export function fit(pieces: readonly Piece[], columns: number, paint: Paint): string {
  let room = columns;
  let line = '';
  for (const [text, style] of pieces) {
    const shown = cut(text, room);
    line += style === undefined || shown === '' ? shown : paint(style, shown);
    room -= widthOf(shown);
    if (shown !== text) break;
  }
  return line;
}
