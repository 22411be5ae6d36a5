import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { findConfig, loadConfig } from '../config/load.ts';
import { compose, type Surroundings } from '../daemon/compose.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { type Log, openLog } from '../daemon/log.ts';
import { describeQueues } from '../daemon/make-broker.ts';
import { startRunners, stopRunners } from '../daemon/runners.ts';
import { endLeftovers, openRunList } from '../daemon/leftovers.ts';
import { listenToSignals } from '../daemon/signals.ts';
import { makeStateDir } from '../daemon/state-dir.ts';
import { takeServiceManager } from '../daemon/systemd/service-manager.ts';
import { printProblems, reportConfigErrors } from './config-errors.ts';
import { endProcess, onForeignEnd } from './end-process.ts';
import { EXIT } from './exit-codes.ts';
import { readConfig, withRunnerProblems } from './read-config.ts';
import { readVersion } from '../daemon/version.ts';
import type { StintLimits } from '../daemon/stint/stint.ts';
import { addStintOptions, stintLimits, type StintOptions, stintStatus } from './stint-options.ts';

export function runCommand(): Command {
  const command = new Command('run')
    .description('run the daemon in the foreground until Ctrl-C or SIGTERM')
    .argument('[config...]', 'INI files; later ones override earlier ones key by key');
  return addStintOptions(command)
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `
Example:
  rbit-ts run worker.ini site.ini
  rbit-ts run --once worker.ini     from cron: work what waits, then end

Signals: TERM or INT lets running jobs end within shutdown-timeout and puts the rest back, a second one ends
now; HUP reads the INI files again, as rbit-ts reload does; USR2 logs what rbit-ts status shows.
Exit status: 0 after a clean stop, 78 for a bad configuration, 70 for a bug; with --once or --max-jobs also 1 if
a job failed, 75 if a queue was paused, 69 if the broker was away or what waits did not come for a minute.`,
    )
    .action((files: string[], options: StintOptions) =>
      reportConfigErrors(() => run(files, stintLimits(options))),
    );
}

async function run(files: string[], limits: StintLimits | undefined): Promise<void> {
  const config = await readConfig(files);
  const paths = (files.length > 0 ? files : [findConfig()]).map((file) => resolve(file));
  // Said before anything runs, together with what is wrong with the runners.
  await withRunnerProblems(() => makeStateDir(config));
  const { logLevel: level, logFormat: format } = config.rbit;
  const { log, close, logLast } = await openLog({ level, format, mask: config.secrets.mask });
  printProblems(config.warnings, 'warn');
  onForeignEnd(EXIT.bug, ({ message, error }) =>
    logLast(`bug: ${message}; rbit-ts ends, and the broker hands out again what was running`, error),
  );
  try {
    await work(config, { limits, log, read: () => loadConfig(paths) }, async (code) => {
      await close();
      endProcess(code);
    });
  } catch (error) {
    // Anything else is a bug, which is logged.
    if (error instanceof ConfigError) await close();
    throw error;
  }
}

/** Works until a signal comes or its limits are reached, and ends with `exit`. */
async function work(
  config: Config,
  { limits, log, read }: Pick<Surroundings, 'limits' | 'log' | 'read'>,
  exit: (code: number) => Promise<void>,
): Promise<void> {
  const stop = Promise.withResolvers<NodeJS.Signals>();
  let daemon: Daemon | undefined;
  let isReloadWanted = false;
  listenToSignals({
    stop: stop.resolve,
    stopNow(signal, code) {
      log.warn(`${signal} again: ending now; the broker hands out again what was running`);
      void (daemon?.abandon() ?? Promise.resolve()).then(() => exit(code));
    },
    reload() {
      isReloadWanted = daemon === undefined;
      void daemon?.reload();
    },
    report: () => void daemon?.report(),
  });

  log.info(
    { pid: process.pid, node: process.version },
    `rbit-ts ${readVersion()} starts with ${config.files.join(', ')}; queues: ${describeQueues(config)}`,
  );
  // Before any code of a user's runs in this process.
  const manager = takeServiceManager();
  await endLeftovers(config, log);
  const runList = openRunList(config, log);
  const runners = await startRunners(config, log, runList);
  const surroundings = { log, runList, read, manager, limits };
  daemon = await compose(config, runners, surroundings).catch(async (error: unknown) => {
    await stopRunners(runners.values());
    throw error;
  });
  daemon.start();
  // The files may have been changed since they were read.
  if (isReloadWanted) void daemon.reload();
  await exit(await finish(daemon, stop.promise, log));
}

/** Stops the daemon when it is time; resolves with the exit status. */
async function finish(daemon: Daemon, stop: Promise<NodeJS.Signals>, log: Log): Promise<number> {
  const { stint } = daemon;
  const end = await Promise.race([stop, ...(stint === undefined ? [] : [stint.over()])]);
  if (typeof end === 'string') log.info(`${end}: no new jobs; what runs may end`);
  else log[['complete', 'taken'].includes(end.kind) ? 'info' : 'error'](end.reason);
  await daemon.stop();
  if (stint === undefined) return EXIT.ok;
  log.info(stint.tally.inWords());
  return stintStatus(stint, typeof end === 'string' ? undefined : end);
}
