import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'rbit-ts';
/** npm puts such folders on PATH for what it runs itself; whoever types a command does not have them. */
const NPMS_OWN = /[/\\]node_modules[/\\]\.bin[/\\]?$/;

/** Absolute path of the script that starts this rbit-ts. */
export function ownScript(): string {
  // Compiled or not: the neighbour has the same extension.
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return realpathSync(fileURLToPath(new URL(`../bin${extension}`, import.meta.url)));
}

/** How to call this very rbit-ts from a shell that is in `folder`: by its name, through npx, or by full paths. */
export function ownCommand(folder: string, env: NodeJS.ProcessEnv = process.env): string {
  const script = ownScript();
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((place) => place !== '' && !NPMS_OWN.test(place))
    .map((place) => join(place, NAME))
    .find((path) => existsSync(path));
  if (onPath !== undefined && leadsTo(onPath, script)) return NAME;
  const local = npmFolderOf(folder);
  if (local !== undefined && leadsTo(join(local, 'node_modules', '.bin', NAME), script)) return `npx ${NAME}`;
  return `${shellWord(process.execPath)} ${shellWord(script)}`;
}

/** The folder that npm and npx take for the package of `folder`: the nearest one with a package.json or node_modules. */
function npmFolderOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json')) || existsSync(join(at, 'node_modules'))) return at;
    if (at === dirname(at)) return undefined;
  }
}

function leadsTo(path: string, script: string): boolean {
  try {
    return realpathSync(path) === script;
  } catch {
    return false;
  }
}

/** A text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
