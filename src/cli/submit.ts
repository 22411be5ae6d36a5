import { randomUUID } from 'node:crypto';
import { Command, Option } from 'commander';
import { nameReplyQueue } from '../client/reply-queue.ts';
import { makeBroker } from '../daemon/make-broker.ts';
import { replyFilter } from '../daemon/reply-filter.ts';
import { addConfigOption } from './config-option.ts';
import { EXIT } from './exit-codes.ts';
import { listenForInterruption } from './interruption.ts';
import { addJobBodyOptions, type JobBodyOptions, readJobBody } from './job-body.ts';
import { noteOnStderr } from './terminal/note.ts';
import { parseCountOption, parseDurationOption } from './option-parsers.ts';
import { readConfigAsClient } from './read-config.ts';
import { noteThatNobodyWorks } from './submit/nobody-works.ts';
import { submitMany } from './submit/submit-many.ts';
import { submitOne } from './submit/submit-one.ts';
import { reportErrors, UsageError } from './usage-error.ts';

/** What the broker may take to say goodbye. */
const CLOSE_LIMIT_MS = 3_000;
const DEFAULT_TIMEOUT_MS = 30 * 60_000;

interface SubmitOptions extends JobBodyOptions {
  readonly config?: readonly string[];
  readonly wait?: true;
  readonly timeout: number;
  readonly count?: number;
  readonly json?: true;
  readonly id?: string;
}

export function submitCommand(): Command {
  const command = new Command('submit')
    .description('put a job on a queue, and follow it if you like')
    .argument('<queue>', 'name of the queue');
  return addJobBodyOptions(addConfigOption(command))
    .option('-w, --wait', 'follow the job: started, output, progress, final reply')
    .addOption(
      new Option('--timeout <duration>', 'how long --wait waits; with --count, after each final reply')
        .argParser(parseDurationOption)
        .default(DEFAULT_TIMEOUT_MS, '30m'),
    )
    .addOption(new Option('--count <n>', 'so many equal jobs').argParser(parseCountOption).conflicts('id'))
    .option('--id <id>', 'the job id (correlation id); else one is made')
    .option('--json', 'one JSON event a line')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .action((queue: string, options: SubmitOptions) => reportErrors(() => submit(queue, options)));
}

const HELP = `
Examples:
  rbit-ts submit worker.words --set parameters.text="to be or not"
  rbit-ts submit worker.words --message job.json --set dynamic.cart=7 --wait
  rbit-ts submit worker.words --wait --json | jq -r 'select(.event == "completed").data'
  rbit-ts submit worker.words --count 1000 --wait

Without --wait it prints the job's id. With it, on a terminal, output scrolls above a line that shows the job's state;
elsewhere each event is a line that begins with its name:
  submitted 0b8f… to worker.words
  started
  output a line that the job printed
  progress 40% page 4 of 10
  completed {"pages":10}            or, in its place:
  failed: no such package
--count --wait ends with completed, failed, unanswered, seconds, jobs/s, p50-ms and p95-ms, each with its number.

Exit status: 0; 1 a job failed, or could not be put on the queue; 64 wrong usage; 69 the broker cannot be used;
74 standard output cannot be written; 75 no final reply within --timeout; 78 bad configuration; 130 after Ctrl-C: what is on the queue goes on.`;

async function submit(queue: string, options: SubmitOptions): Promise<void> {
  if (Buffer.byteLength(queue) > 255 || queue === '')
    throw new UsageError('the name of a queue has 1 to 255 bytes');
  if (options.id !== undefined && (options.id === '' || Buffer.byteLength(options.id) > 255))
    throw new UsageError('--id: an id has 1 to 255 bytes');
  const config = await readConfigAsClient(options.config ?? []);
  const { body, isJson } = await readJobBody(options);
  const { wait, count, timeout: timeoutMs, json } = options;
  const withOutput = wait === true && count === undefined;
  const replyQueue = wait === true ? nameReplyQueue({ withExchange: withOutput }) : undefined;
  if (replyQueue !== undefined && !replyFilter(config.rbit.replyToAllow)(replyQueue.name))
    throw new UsageError('--wait hears nothing: let [rbit] reply-to-allow name rbit-ts.reply.*, too');
  const { broker, exchange } = await makeBroker(
    config,
    new Map(replyQueue === undefined ? [] : [[replyQueue.name, replyQueue.options]]),
  );
  const interruption = listenForInterruption();
  const job = { queue, body, isJson, id: options.id ?? randomUUID() };
  const errand = {
    job,
    broker,
    exchange,
    config,
    timeoutMs,
    interruption,
    isJson: json === true,
    ...(replyQueue === undefined ? {} : { replyQueue }),
  };
  if (withOutput && exchange === undefined) noteOnStderr('output and progress need `exchange` in [amqp]');
  broker.start();
  try {
    const exitCode = count === undefined ? await submitOne(errand) : await submitMany(errand, count);
    process.exitCode = exitCode;
    if (exitCode === EXIT.ok && wait !== true && json !== true) noteThatNobodyWorks(config, queue);
  } finally {
    await broker.close(CLOSE_LIMIT_MS);
    interruption.end();
  }
}
