import { EventEmitter } from 'node:events';
import { Command } from 'commander';
import type { JobEvent } from '../client/job-event.ts';
import { readJobEvent } from '../client/read-job-event.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Config, RunnerConfig } from '../config/config.ts';
import { maskJson } from '../config/masked-json.ts';
import { didYouMean } from '../config/suggest.ts';
import { createCallbackLog } from '../daemon/callback-log.ts';
import { startRunners, stopRunners } from '../daemon/runners.ts';
import { type TriedJob, tryJob } from '../daemon/try-job.ts';
import type { WorkEvents } from '../job/events.ts';
import { formatDuration } from '../job/duration.ts';
import { printProblems } from './config-errors.ts';
import { addConfigOption } from './config-option.ts';
import { createDisplay } from './terminal/display.ts';
import type { Display } from './terminal/display-port.ts';
import { reportForeignEnd } from './end-process.ts';
import { EXIT } from './exit-codes.ts';
import { listenForInterruption } from './interruption.ts';
import { addJobBodyOptions, type JobBody, type JobBodyOptions, readJobBody } from './job-body.ts';
import { readConfig } from './read-config.ts';
import { sayBeside } from './terminal/note.ts';
import { reportErrors } from './usage-error.ts';

interface TryOptions extends JobBodyOptions {
  readonly config?: readonly string[];
  readonly json?: true;
}

export function tryCommand(): Command {
  const command = new Command('try')
    .description('run one job through a runner here, without any broker, and show what happens')
    .argument('<runner>', 'name of a [runner:NAME] section');
  return addJobBodyOptions(addConfigOption(command))
    .option('--json', 'one JSON event a line')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((name: string, options: TryOptions) => reportErrors(() => tryRunner(name, options)));
}

const HELP = `
Examples:
  rbit-ts try pdf --set parameters.url=https://example.com
  rbit-ts try pdf -c worker.ini --message job.json --set dynamic.cart=7

The job takes the same way as in a daemon: required keys, placeholders, timeout, replies. It runs once.
Exit status: 0 completed; 1 failed, or the runner cannot be started; 75 blocked; 64 wrong usage; 78 bad
configuration; 130 after Ctrl-C, which ends the job and all that it has started.`;

async function tryRunner(name: string, options: TryOptions): Promise<void> {
  const config = await readConfig(options.config ?? []);
  const section = findRunner(config, name);
  printProblems(
    config.warnings.filter((warning) => warning.section === `runner:${name}`),
    'warn',
  );
  const body = await readJobBody(options);
  const { secrets } = config;
  const mask = (text: string): string => maskJson(text, secrets.mask);
  reportForeignEnd(EXIT.jobFailed, mask);
  const display = createDisplay({ json: options.json === true, stream: process.stdout, mask });
  const interruption = listenForInterruption();
  try {
    const tried = await runOnce(config, section, body, display, interruption.signal);
    const { signal, exitCode } = interruption;
    const end = signal.aborted ? interruptedBy(signal) : endOf(tried);
    display.show(end);
    process.exitCode = signal.aborted ? exitCode : exitCodeOf(end);
  } finally {
    display.close();
    interruption.end();
  }
}

function findRunner({ runners, files }: Config, name: string): RunnerConfig {
  const section = runners.get(name);
  if (section !== undefined) return section;
  const fix = didYouMean(name, runners.keys(), `there are ${[...runners.keys()].join(', ')}`);
  throw new ConfigError([
    { file: files[0] ?? 'rbit.ini', section: `runner:${name}`, message: 'no such section', fix },
  ]);
}

async function runOnce(
  config: Config,
  section: RunnerConfig,
  body: JobBody,
  display: Display,
  signal: AbortSignal,
): Promise<TriedJob> {
  const { mask } = config.secrets;
  const log = createCallbackLog({ level: 'info', mask }, (level, text) =>
    sayBeside(display, `${level}: ${text}`),
  );
  // Nothing but this runner is started.
  const runners = await startRunners({ ...config, mappings: new Map([[section.name, section.name]]) }, log);
  try {
    const runner = runners.get(section.name);
    if (runner === undefined) throw new Error(`runner ${section.name} was not started`);
    const events = new EventEmitter<WorkEvents>();
    show(events, display);
    return await tryJob({ config, section, runner, ...body, signal, events });
  } finally {
    await stopRunners(runners.values());
  }
}

function show(events: EventEmitter<WorkEvents>, display: Display): void {
  events.on('job:begun', () => display.show({ event: 'started' }));
  events.on('job:output', ({ line }) => display.show({ event: 'output', line }));
  events.on('job:progress', ({ percent, message }) =>
    display.show({ event: 'progress', percent, ...(message === undefined ? {} : { message }) }),
  );
  events.on('job:stuck', ({ afterMs }) =>
    sayBeside(display, `error: it did not end within ${formatDuration(afterMs)} of its abort: given up`),
  );
  events.on('bug', ({ where, error }) => sayBeside(display, `bug in ${where}: ${String(error)}`));
}

/** How the run ended, in the words of its requester where there is a final reply. */
function endOf({ verdict: { outcome, disposal }, reply }: TriedJob): JobEvent {
  const final = reply === undefined ? undefined : readJobEvent({ message: reply, exchange: '' });
  if (final !== undefined) return final;
  const delayMs = disposal.kind === 'requeue' ? disposal.delayMs : 0;
  switch (outcome.kind) {
    case 'completed':
      return { event: 'completed', ...(outcome.data === undefined ? {} : { data: outcome.data }) };
    case 'failed':
      return { event: 'retrying', message: outcome.message, delayMs };
    case 'blocked':
      return { event: 'blocked', reason: outcome.reason, delayMs };
    case 'unavailable':
    case 'interrupted':
      return { event: outcome.kind, reason: outcome.reason };
  }
}

function interruptedBy({ reason }: AbortSignal): JobEvent {
  return { event: 'interrupted', reason: reason instanceof Error ? reason.message : 'ended' };
}

function exitCodeOf({ event }: JobEvent): number {
  if (event === 'completed') return EXIT.ok;
  return event === 'blocked' ? EXIT.tempFail : EXIT.jobFailed;
}
