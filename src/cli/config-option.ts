import type { Command } from 'commander';

/** Adds `-c, --config`, which commander hands on as a list of paths, or as undefined. */
export function addConfigOption(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'an INI file; later ones override earlier ones (repeatable)',
    (file: string, before: readonly string[] | undefined) => [...(before ?? []), file],
  );
}
