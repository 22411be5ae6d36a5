import { Command } from 'commander';
import { addConfigOption } from './config-option.ts';
import { switchQueue } from './control/switch-queue.ts';
import { reportErrors } from './usage-error.ts';

const HELP = `
Example:
  rbit-ts pause worker.pdf

The running daemon takes nothing new from that queue until rbit-ts resume, or until it is started again; what it has in
hand goes on. Daemons elsewhere go on working the queue.
Exit status: 0, also if it was paused before; 1 when the daemon works no such queue; 69 when no daemon runs; 78 for a
bad configuration.`;

export function pauseCommand(): Command {
  return addConfigOption(new Command('pause'))
    .description('have the running daemon take nothing new from a queue')
    .argument('<queue>', 'name of the queue')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((queue: string, { config = [] }: { config?: readonly string[] }) =>
      reportErrors(() =>
        switchQueue('pause', queue, config, ({ changed, running }) => {
          const goesOn = running === 0 ? '' : `; ${running} in hand ${running === 1 ? 'goes' : 'go'} on`;
          return changed
            ? `paused until it is resumed, or the daemon restarted${goesOn}`
            : `was paused already${goesOn}`;
        }),
      ),
    );
}
