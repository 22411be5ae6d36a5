import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { compose } from '../daemon/compose.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { type Log, openLog } from '../daemon/log.ts';
import { describeQueues } from '../daemon/make-broker.ts';
import { startRunners, stopRunners } from '../daemon/runners.ts';
import { endLeftovers, openRunList } from '../daemon/leftovers.ts';
import { listenToSignals } from '../daemon/signals.ts';
import { makeStateDir } from '../daemon/state-dir.ts';
import { printProblems, reportConfigErrors } from './config-errors.ts';
import { endProcess, onForeignEnd } from './end-process.ts';
import { EXIT } from './exit-codes.ts';
import { readConfig, withRunnerProblems } from './read-config.ts';
import { readVersion } from '../daemon/version.ts';

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
now; USR2 logs what rbit-ts status shows.
Exit status: 0 after a clean stop, 78 for a bad configuration, 70 for a bug.`,
    )
    .action((files: string[]) => reportConfigErrors(() => run(files)));
}

async function run(files: string[]): Promise<void> {
  const config = await readConfig(files);
  // Said before anything runs, together with what is wrong with the runners.
  await withRunnerProblems(() => makeStateDir(config));
  const { logLevel: level, logFormat: format } = config.rbit;
  const { log, close, logLast } = await openLog({ level, format, mask: config.secrets.mask });
  printProblems(config.warnings, 'warning: ');
  onForeignEnd(EXIT.bug, ({ message, error }) =>
    logLast(`bug: ${message}; rbit-ts ends, and the broker hands out again what was running`, error),
  );
  try {
    await work(config, log, async (code) => {
      await close();
      endProcess(code);
    });
  } catch (error) {
    // Anything else is a bug, which is logged.
    if (error instanceof ConfigError) await close();
    throw error;
  }
}

/** Works until a signal comes, and ends with `exit`. */
async function work(config: Config, log: Log, exit: (code: number) => Promise<void>): Promise<void> {
  const stop = Promise.withResolvers<NodeJS.Signals>();
  let daemon: Daemon | undefined;
  listenToSignals({
    stop: stop.resolve,
    stopNow(signal, code) {
      log.warn(`${signal} again: ending now; the broker hands out again what was running`);
      void (daemon?.abandon() ?? Promise.resolve()).then(() => exit(code));
    },
    reload: () => log.warn('SIGHUP: this version cannot read its configuration again; restart it instead'),
    report: () => void daemon?.report(),
  });

  log.info(
    { pid: process.pid, node: process.version },
    `rbit-ts ${readVersion()} starts with ${config.files.join(', ')}; queues: ${describeQueues(config)}`,
  );
  await endLeftovers(config, log);
  const runners = await startRunners(config, log, openRunList(config, log));
  daemon = await compose(config, runners, log).catch(async (error: unknown) => {
    await stopRunners(runners.values());
    throw error;
  });
  daemon.start();
  log.info(`${await stop.promise}: no new jobs; what runs may end`);
  await daemon.stop();
  await exit(EXIT.ok);
}
