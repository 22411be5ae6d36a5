import { Command } from 'commander';
import { addConfigOption } from './config-option.ts';
import { switchQueue } from './control/switch-queue.ts';
import { reportErrors } from './usage-error.ts';

const HELP = `
Example:
  rbit-ts resume worker.pdf

Undoes rbit-ts pause. A queue that is paused because its runner cannot be started is tried with one job at once.
Exit status: 0, also if it was not paused; 1 when the daemon works no such queue; 69 when no daemon runs; 78 for a bad
configuration.`;

export function resumeCommand(): Command {
  return addConfigOption(new Command('resume'))
    .description('have the running daemon take from a queue again')
    .argument('<queue>', 'name of the queue')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((queue: string, { config = [] }: { config?: readonly string[] }) =>
      reportErrors(() =>
        switchQueue('resume', queue, config, ({ changed }) => (changed ? 'resumed' : 'was not paused')),
      ),
    );
}
