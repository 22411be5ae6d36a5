import type { Command } from 'commander';
import { oneLine } from './terminal/terminal-text.ts';

/** What commander says of wrong use, as one line that ends with what to do about it. */
export function wrongUseLine(command: Command, said: string): string {
  const line = oneLine(said.trim().replace(/\n\(Did you mean (.*)\)$/, ' (did you mean $1)')).replace(
    /\.$/,
    '',
  );
  return `${line.endsWith(')') ? line : `${line} (see ${fullName(command)} --help)`}\n`;
}

function fullName(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}
