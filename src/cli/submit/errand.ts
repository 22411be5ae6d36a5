import type { BrokerTrouble } from '../../client/broker-trouble.ts';
import { prepareQueue } from '../../client/put-on-queue.ts';
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
/** So long nobody wonders why nothing is said. */
const SILENCE_MS = 3_000;
const MOST_NAMES = 10;

/** How long the broker may be away before there is a job on the queue. */
export function connectLimitMs({ timeoutMs }: Errand): number {
  return Math.min(CONNECT_LIMIT_MS, timeoutMs);
}

/** Why a job is not, or not certainly, on its queue; 'deaf': it was not sent, since its replies could not be heard. */
export type NotPlaced =
  | { readonly kind: 'unroutable' }
  | { readonly kind: 'uncertain' | 'refused' | 'deaf'; readonly reason: string };

/**
 * Sees to it that the queue is there, if it is a mapped one, and that replies can be heard; resolves with what is in the
 * way. Rejects when `signal` aborts.
 */
export async function getReady(
  errand: Errand,
  hear: Parameters<typeof openReplyQueue>[2],
  signal: AbortSignal,
): Promise<NotPlaced | undefined> {
  const { broker, config, job, replyQueue } = errand;
  if (config.mappings.has(job.queue) && !(await prepareQueue(broker, job.queue, signal)))
    return { kind: 'unroutable' };
  if (replyQueue === undefined) return undefined;
  const not = await openReplyQueue(broker, replyQueue, hear, signal);
  return not === undefined ? undefined : { kind: 'deaf', reason: not.refused };
}

/**
 * Has `say` told what is waited for, once nothing was put on the queue for some seconds; `refresh` starts them anew. Has to
 * be cleared.
 */
export function breakSilence(
  errand: Errand,
  trouble: BrokerTrouble,
  say: (text: string) => void,
): NodeJS.Timeout {
  const { config, job } = errand;
  return setTimeout(() => {
    const { reason } = trouble;
    const what = reason === undefined ? `queue ${job.queue} to take the job` : `the broker: ${reason}`;
    const limit = formatDuration(connectLimitMs(errand));
    say(config.secrets.mask(oneLine(`note: still waiting for ${what} (given up after ${limit})`)));
  }, SILENCE_MS);
}

/**
 * Says on stderr that the job is not on its queue in time, and returns the exit status for it. Without a `reason` nothing
 * is known to be wrong with the broker.
 */
export function sayLate(errand: Errand, reason: string | undefined): number {
  const limit = formatDuration(connectLimitMs(errand));
  if (reason === undefined) {
    complain(
      errand,
      `queue ${errand.job.queue} has not taken the job within ${limit}: try a longer --timeout`,
    );
    return EXIT.tempFail;
  }
  complain(errand, `the broker cannot be used (tried for ${limit}): ${reason}`);
  return EXIT.brokerUnusable;
}

/**
 * Says on stderr why a job is not on its queue, or not certainly, and returns the exit status for it. `isTroubled`: it is
 * more than a lack of time.
 */
export function sayNotPlaced(errand: Errand, placed: NotPlaced, isTroubled: boolean): number {
  const { queue, id } = errand.job;
  switch (placed.kind) {
    case 'unroutable':
      complain(errand, noQueue(errand));
      return EXIT.jobFailed;
    case 'refused':
      complain(errand, `queue ${queue} did not take the job: ${placed.reason}`);
      return EXIT.jobFailed;
    case 'deaf':
      complain(errand, `--wait needs a queue for the replies, and may not make one: ${placed.reason}`);
      return EXIT.brokerUnusable;
    case 'uncertain':
      complain(errand, `job ${id} may or may not be on queue ${queue}: ${placed.reason}`);
      return isTroubled ? EXIT.brokerUnusable : EXIT.tempFail;
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
