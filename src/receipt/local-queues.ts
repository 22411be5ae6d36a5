/*
 * What lies in the file beside the queues of jobs, which have the names that they have at the broker. These names have
 * spaces, so that no mapped queue can have one of them.
 */

/** Replies on their way to their requesters. */
export const REPLIES = 'replies to send';

/** Never has a message: whoever is its only consumer sends the replies (turn.ts). */
export const TURN = 'turn to send replies';

const DEAD_LETTERS = 'dead letters of ';

/** Name of the queue whose messages are on their way to the dead-letter queue of `queue`. */
export function deadLettersOf(queue: string): string {
  return `${DEAD_LETTERS}${queue}`;
}

/** The queue that a queue of the file belongs to: itself, unless it has dead letters. Undefined: to none. */
export function ownerOf(name: string): string | undefined {
  if (name === REPLIES || name === TURN) return undefined;
  return name.startsWith(DEAD_LETTERS) ? name.slice(DEAD_LETTERS.length) : name;
}
