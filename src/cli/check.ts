import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { inOrder } from '../config/problem.ts';
import { describeColdStart } from '../daemon/cold-start.ts';
import { openLog } from '../daemon/log.ts';
import { describeQueues } from '../daemon/make-broker.ts';
import { tryRunners } from '../daemon/runners.ts';
import { checkStateDir } from '../daemon/state-dir.ts';
import { formatDuration } from '../job/duration.ts';
import { checkBroker } from './check-broker.ts';
import { checkEmbedded } from './check-embedded.ts';
import { reportForeignEnd } from './end-process.ts';
import { endWhenInterrupted } from './interruption.ts';
import { EXIT } from './exit-codes.ts';
import { printProblems, reportConfigErrors } from './config-errors.ts';
import { readConfig } from './read-config.ts';
import { table } from './terminal/table.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('validate the configuration without running a job, and print what would run')
    .argument('[config...]', 'INI files; later ones override earlier ones key by key')
    .option('--connect', 'also look at each queue: ask RabbitMQ, or read the embedded file')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `
Example:
  rbit-ts check worker.ini --connect

Exit status: 0 when all is well, 78 for a bad configuration, 69 when the broker cannot be used.`,
    )
    .action((files: string[], { connect }: { connect?: true }) =>
      reportConfigErrors(() => check(files, connect === true), { withWarnings: true }),
    );
}

async function check(files: string[], connect: boolean): Promise<void> {
  endWhenInterrupted();
  const config = await readConfig(files);
  reportForeignEnd(EXIT.bug, config.secrets.mask);
  const { log } = await openLog({ level: 'silent', format: 'json', mask: config.secrets.mask });
  const state = await checkStateDir(config);
  const problems = [...(state === undefined ? [] : [state]), ...(await tryRunners(config, log))];
  if (problems.length > 0) throw new ConfigError(inOrder(config.files, problems), undefined, config.warnings);
  printProblems(config.warnings, 'warn');
  const cold = await describeColdStart(config);
  if (cold !== undefined) process.stderr.write(`warning: ${cold}\n`);
  process.stdout.write(table(['queue', 'runner', 'processor', 'concurrency', 'timeout'], rows(config)));
  process.stdout.write(`\nqueues: ${describeQueues(config)}\n`);
  if (!connect) return;
  if (config.amqp === undefined) checkEmbedded(config);
  else await checkBroker(config, config.amqp);
}

function rows({ mappings, runners }: Config): string[][] {
  return [...mappings].map(([queue, name]) => {
    const runner = runners.get(name);
    const { processor = '', concurrency = 1, timeoutMs } = runner ?? {};
    return [
      queue,
      name,
      processor,
      String(concurrency),
      timeoutMs === undefined ? 'none' : formatDuration(timeoutMs),
    ];
  });
}
