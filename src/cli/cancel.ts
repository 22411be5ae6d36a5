import { Command } from 'commander';
import { addConfigOption } from './config-option.ts';
import { answersOf, askDaemons, complain } from './control/ask-daemons.ts';
import { readStateFolder } from './control/state-folder.ts';
import { EXIT } from './exit-codes.ts';
import { reportErrors } from './usage-error.ts';

interface CancelOptions {
  readonly config?: readonly string[];
  readonly queue?: string;
}

const HELP = `
Example:
  rbit-ts cancel 0b8f2a14-77aa-4c64-9a3e-5a4ff7d0c1c2

The job's whole process tree is ended, as at its timeout. Its requester gets failed with the message "cancelled", and it
is never retried. JOB is the id that rbit-ts status shows; all jobs in hand that have it are cancelled. One that lies
on its queue, or waits for another try, is not in hand.
Exit status: 0; 1 when no such job is in hand; 69 when no daemon runs; 78 for a bad configuration.`;

export function cancelCommand(): Command {
  return addConfigOption(new Command('cancel'))
    .description('end a job that is running, or waits for its turn, for good')
    .argument('<job>', 'its id')
    .option('--queue <queue>', 'only if it is on this queue')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((job: string, options: CancelOptions) => reportErrors(() => cancel(job, options)));
}

async function cancel(job: string, { config = [], queue }: CancelOptions): Promise<void> {
  const folder = await readStateFolder(config);
  const request = { command: 'cancel', job, ...(queue === undefined ? {} : { queue }) } as const;
  const answers = answersOf(folder, await askDaemons<'cancel'>(folder, request));
  const count = answers.reduce((sum, { cancelled }) => sum + cancelled, 0);
  if (count > 0) process.stdout.write(`${count} ${count === 1 ? 'job' : 'jobs'} cancelled\n`);
  else if (answers.length > 0) complain(whyNone(job, queue), EXIT.notFound);
}

function whyNone(job: string, queue: string | undefined): string {
  const where = queue === undefined ? '' : ` of queue ${queue}`;
  return `no job ${job}${where} is running or waits for its turn (rbit-ts status lists those that are in hand)`;
}
