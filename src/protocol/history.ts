import type { Message } from '../broker/broker.ts';
import { COPY_HEADER, copyTokenOf, newCopyToken } from '../broker/copy-token.ts';
import type { Job } from '../job/job.ts';

/*
 * What a message carries about its own past. When a message goes back to its queue it goes as a new one,
 * and these headers are the only memory that follows it to whichever daemon gets it next:
 *
 *   x-rbit-attempt   which run comes next, from 1
 *   x-rbit-blocked   how often its runner said Blocked
 *   x-rbit-retries   how often it was retried after a failure that nobody declared
 *   x-rbit-started   true once the requester was told "started": re-core takes a second one for the final reply
 *   x-rbit-replied   true once it was told the final reply, and only the message is left to be kept
 *   x-rbit-id        the job's id, if the message has none of its own
 *   x-rbit-reason    why it went back last, for whoever looks at the queue
 *   x-rbit-copy      a token of this copy alone: where a connection goes between copy and confirm, there may be two of it
 *
 * A message that is kept for a person has instead x-rbit-reason, x-rbit-last-error, x-rbit-attempt, x-rbit-queue,
 * x-rbit-runner, x-rbit-host and x-rbit-died-at.
 *
 * One header is the requester's own, and stays on the message wherever it goes:
 *
 *   x-rbit-follow    true if it wants to hear how far the job is
 */

export interface History {
  readonly attempt: number;
  readonly blocked: number;
  readonly retries: number;
  readonly started: boolean;
  readonly replied: boolean;
  readonly id?: string;
  readonly reason?: string;
  readonly copy?: string;
}

export const HISTORY_PREFIX = 'x-rbit-';

/** Boolean header by which a requester asks for progress. */
export const FOLLOW_HEADER = 'x-rbit-follow';

const LONGEST_ID = 255;
const LONGEST_REASON = 500;
const LONGEST_ERROR = 2_000;

const NO_HISTORY: History = { attempt: 1, blocked: 0, retries: 0, started: false, replied: false };

/** Anybody may send such headers, so anything but a plausible number counts as none. */
export function readHistory(message: Message): History {
  const { headers } = message.properties;
  if (!Object.keys(headers).some((name) => name.startsWith(HISTORY_PREFIX))) return NO_HISTORY;
  const [id, reason, copy] = [headers['x-rbit-id'], headers['x-rbit-reason'], copyTokenOf(message)];
  return {
    attempt: Math.max(1, countOf(headers['x-rbit-attempt'])),
    blocked: countOf(headers['x-rbit-blocked']),
    retries: countOf(headers['x-rbit-retries']),
    started: headers['x-rbit-started'] === true,
    replied: headers['x-rbit-replied'] === true,
    ...(typeof id === 'string' && id !== '' && id.length <= LONGEST_ID ? { id } : {}),
    ...(typeof reason === 'string' ? { reason: reason.slice(0, LONGEST_REASON) } : {}),
    ...(copy === undefined ? {} : { copy }),
  };
}

/** The headers that carry a history on a copy of its own, with the reason of this return (its first 500 characters). */
export function writeHistory(history: History, reason: string): Record<string, unknown> {
  return {
    'x-rbit-attempt': history.attempt,
    'x-rbit-blocked': history.blocked,
    'x-rbit-retries': history.retries,
    'x-rbit-started': history.started,
    ...(history.replied ? { 'x-rbit-replied': true } : {}),
    ...(history.id === undefined ? {} : { 'x-rbit-id': history.id }),
    'x-rbit-reason': reason.slice(0, LONGEST_REASON),
    [COPY_HEADER]: newCopyToken(),
  };
}

/** Why a message is kept. */
export interface Death {
  readonly reason: string;
  /** The last thing that went wrong, as far as it says more than the reason: a stack, lines of stderr. */
  readonly lastError?: string | undefined;
  readonly host: string;
}

/** The headers of a message that is kept for a person: why, where and when (ISO 8601), and nothing of what is past. */
export function writeDeath(job: Job, { reason, lastError, host }: Death): Record<string, unknown> {
  return {
    'x-rbit-reason': reason.slice(0, LONGEST_REASON),
    'x-rbit-last-error': lastError?.slice(0, LONGEST_ERROR),
    'x-rbit-attempt': job.attempt,
    'x-rbit-queue': job.queue,
    'x-rbit-runner': job.runner,
    'x-rbit-host': host,
    'x-rbit-died-at': new Date().toISOString(),
    'x-rbit-blocked': undefined,
    'x-rbit-retries': undefined,
    'x-rbit-started': undefined,
    'x-rbit-replied': undefined,
    'x-rbit-id': undefined,
    [COPY_HEADER]: undefined,
  };
}

/** Whether a requester wants to hear of progress; `headers` are those of the message. */
export function isFollowed({ headers }: Pick<Job, 'headers'>): boolean {
  return headers[FOLLOW_HEADER] === true;
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
