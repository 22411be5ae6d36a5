import { Command } from 'commander';
import type { ReloadAnswer } from '../control/messages.ts';
import { printProblems } from './config-errors.ts';
import { addConfigOption } from './config-option.ts';
import { answersOf, askDaemons, complain } from './control/ask-daemons.ts';
import { readStateFolder } from './control/state-folder.ts';
import { EXIT } from './exit-codes.ts';
import { oneLine } from './terminal/terminal-text.ts';
import { reportErrors } from './usage-error.ts';

/** New runners are started first: a module may take long to load, a program to say that it is ready. */
const ANSWER_LIMIT_MS = 5 * 60_000;

const HELP = `
Example:
  rbit-ts reload worker.ini

The running daemon reads again the INI files that it was started with, and says what has changed. Running jobs end under
what they began with. When anything is wrong, nothing is changed. CONFIG only tells which daemon: by its state-dir.
Exit status: 0, also if nothing has changed; 69 when no daemon runs; 78 for a bad configuration; 1 when the daemon stops.`;

export function reloadCommand(): Command {
  return addConfigOption(new Command('reload'))
    .description('have the running daemon read its configuration again')
    .argument('[config...]', 'INI files, as for run')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((files: string[], { config = [] }: { config?: readonly string[] }) =>
      reportErrors(() => reload([...config, ...files])),
    );
}

async function reload(files: readonly string[]): Promise<void> {
  const folder = await readStateFolder(files);
  const asked = await askDaemons<'reload'>(folder, { command: 'reload' }, ANSWER_LIMIT_MS);
  for (const answer of answersOf<'reload'>(folder, asked)) print(answer);
}

function print(answer: ReloadAnswer): void {
  switch (answer.kind) {
    case 'done':
      printProblems(answer.warnings, 'warn');
      for (const line of answer.changes.length === 0 ? ['nothing has changed'] : answer.changes)
        process.stdout.write(`${oneLine(line)}\n`);
      break;
    case 'refused':
      printProblems(answer.problems);
      process.exitCode = EXIT.badConfig;
      break;
    case 'stopping':
      complain('the daemon is stopping: nothing is changed any more', EXIT.notFound);
  }
}
