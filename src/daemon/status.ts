import type { Broker } from '../broker/broker.ts';
import type { DaemonStatus, JobStatus, QueueStatus } from '../job/status.ts';
import type { Running } from '../worker/running.ts';
import type { Worker } from '../worker/worker.ts';
import { describeIntake } from './describe-intake.ts';
import { noteLosses } from './lost-consumers.ts';

export interface StatusOptions {
  readonly broker: Pick<Broker, 'events' | 'count' | 'countConsumers'>;
  /** Those that there are when it is asked. */
  readonly workers: readonly Worker[];
  /** Likewise, of queues that were removed. */
  readonly leaving: readonly Worker[];
  readonly processorOf: (runner: string) => string;
  readonly version: string;
  readonly files: () => readonly string[];
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
}

/** How long the broker may take to count: whoever asks waits for it, also when the broker is away. */
const COUNT_LIMIT_MS = 1_500;
/** Of a line that a job printed, and of what it says of its progress, in characters. */
const LONGEST_TEXT = 500;

/** Asks a daemon for what it is doing; resolves within two seconds, whatever the broker does. */
export type ReadStatus = () => Promise<DaemonStatus>;

/** What `status` and SIGUSR2 tell; nothing is gathered before somebody asks. */
export function createStatus(options: StatusOptions): ReadStatus {
  const { broker, version, mask } = options;
  const since = new Date().toISOString();
  const whyNotConsumed = noteLosses(broker.events);

  async function queueStatus(worker: Worker, signal: AbortSignal): Promise<QueueStatus> {
    const { queue, runner, running } = worker;
    const counts = await countsOf(broker, queue, signal);
    return {
      queue: mask(queue),
      runner,
      processor: options.processorOf(runner),
      ...describeIntake(worker, whyNotConsumed, mask),
      ...counts,
      running: running.count,
    };
  }

  return async () => {
    const signal = AbortSignal.timeout(COUNT_LIMIT_MS);
    const workers = [...options.workers, ...options.leaving];
    const queues = await Promise.all(workers.map((worker) => queueStatus(worker, signal)));
    const isStopping = workers.length > 0 && workers.every(({ intake }) => intake.state === 'stopped');
    return {
      daemon: {
        pid: process.pid,
        version,
        since,
        state: isStopping ? 'stopping' : 'running',
        files: options.files().map(mask),
      },
      queues,
      jobs: workers.flatMap(({ running }) => running.list().map((job) => jobStatus(job, mask))),
    };
  };
}

async function countsOf(
  broker: StatusOptions['broker'],
  queue: string,
  signal: AbortSignal,
): Promise<Pick<QueueStatus, 'consumers' | 'waiting'>> {
  try {
    const waiting = await broker.count(queue, signal);
    const consumers = await broker.countConsumers(queue, signal);
    return { waiting: waiting ?? null, consumers: consumers ?? null };
  } catch {
    return { waiting: null, consumers: null };
  }
}

function jobStatus(running: Running, mask: (text: string) => string): JobStatus {
  const { facts, since, stage, startedAt, progress, lastLine } = running;
  return {
    id: mask(facts.id),
    queue: mask(facts.queue),
    runner: facts.runner,
    attempt: facts.attempt,
    ...(facts.run === undefined ? {} : { run: facts.run }),
    state: stage,
    since: new Date(since).toISOString(),
    ...(startedAt === undefined ? {} : { started: new Date(startedAt).toISOString() }),
    ...(progress === undefined ? {} : { progress: shortened(progress) }),
    ...(lastLine === undefined ? {} : { lastLine: shorten(lastLine) }),
  };
}

type Progress = NonNullable<JobStatus['progress']>;

function shortened({ percent, message }: Progress): Progress {
  return message === undefined ? { percent } : { percent, message: shorten(message) };
}

function shorten(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`;
}
