import { type Placed, prepareQueue } from '../../client/put-on-queue.ts';
import { openReplyQueue, type ReplyQueue } from '../../client/reply-queue.ts';
import type { Submission } from '../../client/submission.ts';
import type { Config } from '../../config/config.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { MadeBroker } from '../../daemon/make-broker.ts';
import { formatDuration } from '../../job/duration.ts';
import { EXIT } from '../exit-codes.ts';
import type { Interruption } from '../interruption.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/** What `submit` was sent for: a job, or many that are equal but for their ids, and what it takes to do it. */
export interface Errand extends MadeBroker {
  readonly job: Pick<Submission, 'queue' | 'body' | 'isJson' | 'id'>;
  readonly config: Config;
  /** Where the replies come to; without one nobody waits for them. */
  readonly replyQueue?: ReplyQueue;
  readonly timeoutMs: number;
  readonly interruption: Interruption;
  readonly isJson: boolean;
}

const CONNECT_LIMIT_MS = 30_000;
const MOST_NAMES = 10;

/** How long the broker may be away before there is a job on the queue. */
export function connectLimitMs({ timeoutMs }: Errand): number {
  return Math.min(CONNECT_LIMIT_MS, timeoutMs);
}

/**
 * Sees to it that the queue is there, if it is a mapped one, and that replies can be heard. False: the queue is missing.
 * Rejects when `signal` aborts.
 */
export async function getReady(
  errand: Errand,
  hear: Parameters<typeof openReplyQueue>[2],
  signal: AbortSignal,
): Promise<boolean> {
  const { broker, config, job, replyQueue } = errand;
  if (config.mappings.has(job.queue) && !(await prepareQueue(broker, job.queue, signal))) return false;
  if (replyQueue !== undefined) await openReplyQueue(broker, replyQueue, hear, signal);
  return true;
}

/** Says on stderr that the broker could not be used, and returns the exit status for it. */
export function sayUnusable(errand: Errand, reason: string | undefined): number {
  const limit = formatDuration(connectLimitMs(errand));
  complain(errand, `the broker cannot be used (tried for ${limit}): ${reason ?? 'it does not answer'}`);
  return EXIT.brokerUnusable;
}

/** Says on stderr why a job is not on its queue, or not certainly, and returns the exit status for it. */
export function sayNotPlaced(errand: Errand, placed: Placed): number {
  const { queue, id } = errand.job;
  switch (placed.kind) {
    case 'queued':
      return EXIT.ok;
    case 'unroutable':
      complain(errand, noQueue(errand));
      return EXIT.jobFailed;
    case 'refused':
      complain(errand, `queue ${queue} did not take the job: ${placed.reason}`);
      return EXIT.jobFailed;
    case 'uncertain':
      complain(errand, `job ${id} may or may not be on queue ${queue}: ${placed.reason}`);
      return EXIT.brokerUnusable;
  }
}

/** One line on stderr; nothing in it can move a cursor, and no secret is in it. */
export function complain({ config }: Errand, text: string): void {
  process.stderr.write(`error: ${config.secrets.mask(oneLine(text))}\n`);
}

function noQueue({ config, job: { queue } }: Errand): string {
  if (config.mappings.has(queue))
    return `there is no queue ${queue}, and it may not be made (create it, or set declare = if-missing)`;
  const names = [...config.mappings.keys()];
  const more = names.length > MOST_NAMES ? ', …' : '';
  return `no queue ${queue}; ${didYouMean(queue, names, `there are: ${names.slice(0, MOST_NAMES).join(', ')}${more}`)}`;
}
