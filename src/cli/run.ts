import { Command } from 'commander';
import { findConfig, loadConfig } from '../config/load.ts';
import { compose } from '../daemon/compose.ts';
import { createLog } from '../daemon/log.ts';
import { startRunners } from '../daemon/runners.ts';
import { listenToSignals } from '../daemon/signals.ts';
import { printProblems, reportConfigErrors } from './config-errors.ts';
import { EXIT } from './exit-codes.ts';
import { readVersion } from './version.ts';

export function runCommand(): Command {
  return new Command('run')
    .description('run the daemon in the foreground until Ctrl-C or SIGTERM')
    .argument('[config...]', 'INI files; later ones override earlier ones key by key')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `
Example:
  rbit-ts run worker.ini site.ini

Signals: TERM or INT lets running jobs end within shutdown-timeout and puts the rest back, a second one ends
now; USR2 logs what is running.
Exit status: 0 after a clean stop, 78 for a bad configuration, 70 for a bug.`,
    )
    .action((files: string[]) => reportConfigErrors(() => run(files)));
}

async function run(files: string[]): Promise<void> {
  const config = await loadConfig(files.length > 0 ? files : [findConfig()]);
  const log = await createLog({
    level: config.rbit.logLevel,
    format: config.rbit.logFormat,
    mask: config.secrets.mask,
  });
  printProblems(config.warnings, 'warning: ');
  const exit = (code: number): never => {
    log.flush();
    process.exit(code);
  };
  for (const bug of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(bug, (error: unknown) => {
      log.fatal({ err: error }, 'bug: rbit-ts ends; the broker hands out again what was running');
      exit(EXIT.bug);
    });
  }

  log.info(
    { pid: process.pid, node: process.version },
    `rbit-ts ${readVersion()} starts with ${config.files.join(', ')}`,
  );
  const runners = await startRunners(config, log);
  const daemon = await compose(config, runners, log);
  const stopped = new Promise<void>((resolve, reject) => {
    const forget = listenToSignals({
      stop(signal) {
        log.info(`${signal}: no new jobs; what runs may end`);
        daemon.stop().finally(forget).then(resolve, reject);
      },
      stopNow(signal, code) {
        log.warn(`${signal} again: ending now; the broker hands out again what was running`);
        exit(code);
      },
      reload: () => log.warn('SIGHUP: this version cannot read its configuration again; restart it instead'),
      report: () => daemon.report(),
    });
  });
  daemon.start();
  await stopped;
  exit(EXIT.ok);
}
