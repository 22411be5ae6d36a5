import type { DisplayStream } from './display-port.ts';
import { cut } from './terminal-text.ts';

const CLEAR_LINE = '\u{1b}[K';
const CLEAR_BELOW = '\u{1b}[J';

/** A terminal, and how many lines it has. */
export interface Screen extends DisplayStream {
  readonly rows?: number;
}

/**
 * Writes a text over the one before it, cut to what the terminal shows at once. The cursor stays below it, so that
 * nothing has to be put right whichever way this process ends.
 */
export function createRedraw(screen: Screen): (text: string) => void {
  let drawn = 0;
  return (text) => {
    const columns = Math.max(1, (screen.columns || 80) - 1);
    const most = Math.max(1, (screen.rows || 24) - 1);
    const lines = text.trimEnd().split('\n');
    const shown =
      lines.length <= most ? lines : [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more`];
    const up = drawn === 0 ? '' : `\u{1b}[${drawn}A`;
    drawn = shown.length;
    screen.write(
      `${up}\r${shown.map((line) => `${cut(line, columns)}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`,
    );
  };
}
