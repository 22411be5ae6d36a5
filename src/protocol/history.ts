import type { Message } from '../broker/broker.ts';

/*
 * What a message carries about its own past. When a message goes back to its queue it goes as a new one,
 * and these headers are the only memory that follows it to whichever daemon gets it next:
 *
 *   x-rbit-attempt   which run comes next, from 1
 *   x-rbit-blocked   how often its runner said Blocked
 *   x-rbit-retries   how often it was retried after a failure that nobody declared
 *   x-rbit-started   true once the requester was told "started": re-core takes a second one for the final reply
 *   x-rbit-reason    why it went back last, for whoever looks at the queue
 */

export interface History {
  readonly attempt: number;
  readonly blocked: number;
  readonly retries: number;
  readonly started: boolean;
}

export const HISTORY_PREFIX = 'x-rbit-';

/** Anybody may send such headers, so anything but a plausible number counts as none. */
export function readHistory({ properties: { headers } }: Message): History {
  return {
    attempt: Math.max(1, countOf(headers['x-rbit-attempt'])),
    blocked: countOf(headers['x-rbit-blocked']),
    retries: countOf(headers['x-rbit-retries']),
    started: headers['x-rbit-started'] === true,
  };
}

/** The headers that carry a history, and the reason of the last return (at most 500 characters). */
export function writeHistory(history: History, reason: string): Record<string, unknown> {
  return {
    'x-rbit-attempt': history.attempt,
    'x-rbit-blocked': history.blocked,
    'x-rbit-retries': history.retries,
    'x-rbit-started': history.started,
    'x-rbit-reason': reason.slice(0, 500),
  };
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
