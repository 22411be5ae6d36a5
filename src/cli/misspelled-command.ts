import { existsSync } from 'node:fs';
import { nearest } from '../config/suggest.ts';

/**
 * The command that a first word was most likely meant to be, when it is none and names no file either: such a word would
 * be taken for the CONFIG of `run`.
 */
export function misspelledCommand(word: string | undefined, commands: readonly string[]): string | undefined {
  const names = [...commands, 'help'];
  if (word === undefined || word.startsWith('-') || names.includes(word) || existsSync(word))
    return undefined;
  return nearest(word, names);
}
