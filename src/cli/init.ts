import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { makeFolders } from '../daemon/make-folders.ts';
import { CONFIG, initFiles } from './init/init-files.ts';
import { ownCommand, ownScript, shellWord } from './init/own-command.ts';
import { oneLine } from './terminal/terminal-text.ts';
import { reportErrors, UsageError } from './usage-error.ts';

export function initCommand(): Command {
  return new Command('init')
    .description('write a small configuration that works, with two runners and two systemd units')
    .argument('[dir]', 'folder to write them to; made if it is not there', '.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `
Example:
  rbit-ts init worker

It writes rbit.ini, runners/hello.ts, runners/word-count.sh, rbit-ts.service for this folder and rbit-ts@.service for any
INI file in /etc/rbit, and says what to type next. A file that is there already is left as it is. Exit status: 0; 64 when
the folder cannot be written.`,
    )
    .action((dir: string) => reportErrors(() => init(dir)));
}

async function init(dir: string): Promise<void> {
  const folder = resolve(dir);
  // A line break in it would be one in the unit, which root is to start.
  if (/\p{Cc}/u.test(folder)) {
    throw new UsageError(
      `init: ${oneLine(folder)} has a line break or another control character in its name (use another folder)`,
    );
  }
  const files = initFiles({ folder, command: [process.execPath, ownScript()], user: userName() });
  const written = new Set<string>();
  for (const { path, text } of files) {
    if (await writeNew(join(folder, path), text)) written.add(path);
  }
  for (const { path } of files) {
    const shown = oneLine(join(dir, path));
    process.stdout.write(
      written.has(path) ? `wrote ${shown}\n` : `kept  ${shown}, which was there already\n`,
    );
  }
  process.stdout.write(nextSteps(folder, written.has(CONFIG)));
}

/** Writes a file and the folders above it; false if something of that name is there. Throws UsageError. */
async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await makeFolders(dirname(path));
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    const why = (code === undefined ? undefined : REASONS[code]) ?? String(error);
    throw new UsageError(`init: ${oneLine(path)} cannot be written: ${why} (name another folder)`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'its folder cannot be made',
  ENOTDIR: 'its folder is a file',
  ENOSPC: 'the disk is full',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
};

/** Commands that work when they are typed as they stand, from where the user is. */
function nextSteps(folder: string, isOurs: boolean): string {
  const rbitTs = ownCommand(folder);
  const here = relative(process.cwd(), folder).replace(/^-/, './-');
  const job = 'hello --set parameters.name=Ada';
  const first = [
    ...(here === '' ? [] : [`cd ${shellWord(here)}`]),
    `${rbitTs} check`,
    ...(isOurs ? [`${rbitTs} try ${job}`] : []),
    `${rbitTs} run`,
  ];
  const second = [`cd ${shellWord(folder)}`, `${rbitTs} submit ${job} --wait`];
  const steps = isOurs
    ? ['Next:', ...indented(first), 'In another terminal:', ...indented(second)]
    : ['Next:', ...indented(first)];
  return `\n${steps.join('\n')}\n`;
}

function indented(commands: readonly string[]): string[] {
  return commands.map((command) => `  ${command}`);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user that only has a number, as in some containers.
    return String(process.getuid?.() ?? 'nobody');
  }
}
