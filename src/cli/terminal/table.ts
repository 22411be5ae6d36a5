import { widthOf } from './terminal-text.ts';

/** Columns as wide as their widest cell, two spaces between them; one line a row, the first one the head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
