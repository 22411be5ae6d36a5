import { setTimeout as wait } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { addConfigOption } from './config-option.ts';
import { answersOf, askDaemons, whyNone } from './control/ask-daemons.ts';
import { readStateFolder } from './control/state-folder.ts';
import { listenForInterruption } from './interruption.ts';
import { isLive } from './terminal/display-port.ts';
import { createRedraw } from './terminal/redraw.ts';
import { statusTable } from './terminal/status-table.ts';
import { harmlessJson } from './terminal/terminal-text.ts';
import { EXIT } from './exit-codes.ts';
import { reportErrors, UsageError } from './usage-error.ts';

interface StatusOptions {
  readonly config?: readonly string[];
  readonly json?: true;
  readonly watch?: true;
}

const EVERY_MS = 1_000;
const SIGINT_STATUS = 130;

const HELP = `
Examples:
  rbit-ts status -c worker.ini
  rbit-ts status --watch
  rbit-ts status --json | jq '.daemons[].jobs[] | {id, lastLine}'

Queues: consumers (of all daemons) and messages waiting, as the broker counts them (? when it does not answer in time);
jobs of this daemon; consuming, or why not. Jobs: attempt, for how long, progress, and the last line that it printed.
All daemons with this state-dir are shown.
Exit status: 0; 69 when no daemon runs, or one does not answer; 64 wrong usage; 78 for a bad configuration.`;

export function statusCommand(): Command {
  return addConfigOption(new Command('status'))
    .description('show what the running daemon is doing')
    .option('--json', 'print one JSON document')
    .addOption(new Option('--watch', 'show it anew every second, until Ctrl-C').conflicts('json'))
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((options: StatusOptions) => reportErrors(() => status(options)));
}

async function status({ config = [], json, watch }: StatusOptions): Promise<void> {
  if (watch === true && !isLive(process.stdout))
    throw new UsageError('--watch needs a terminal (elsewhere, call it with --json as often as you like)');
  const folder = await readStateFolder(config);
  const daemons = answersOf(folder, await askDaemons<'status'>(folder, { command: 'status' }));
  if (daemons.length === 0) return;
  if (json === true) process.stdout.write(`${harmlessJson({ daemons })}\n`);
  else if (watch !== true) process.stdout.write(daemons.map(statusTable).join('\n'));
  else await watchDaemons(folder);
}

/** Goes on when no daemon runs any more: it may be restarting. */
async function watchDaemons(folder: string): Promise<void> {
  const interruption = listenForInterruption();
  const { signal } = interruption;
  const redraw = createRedraw(process.stdout);
  try {
    while (!signal.aborted) {
      const asked = await askDaemons<'status'>(folder, { command: 'status' });
      const shown = asked.map((one) => ('answer' in one ? statusTable(one.answer) : `${one.why}\n`));
      if (signal.aborted) break;
      redraw(asked.length === 0 ? whyNone(folder) : shown.join('\n'));
      await wait(EVERY_MS, undefined, { signal }).catch(() => {});
    }
    process.exitCode = interruption.exitCode === SIGINT_STATUS ? EXIT.ok : interruption.exitCode;
  } finally {
    interruption.end();
  }
}
