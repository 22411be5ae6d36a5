import { randomUUID } from 'node:crypto';
import type { Publication } from '../broker/broker.ts';
import { FOLLOW_HEADER } from '../protocol/history.ts';

/** A job on its way to a queue. */
export interface Submission {
  readonly queue: string;
  readonly body: Buffer;
  readonly isJson: boolean;
  /** Its correlation id: what its runner and every reply call it. */
  readonly id: string;
  /** The queue for its replies; none: nobody waits. */
  readonly replyTo?: string;
  /** Whether its runner is asked to tell how far it is, on the exchange. */
  readonly isFollowed?: boolean;
}

/** The message that carries a job: straight to its queue, persistent, with an id of its own. */
export function publicationOf(submission: Submission): Publication {
  const { queue, body, isJson, id, replyTo, isFollowed } = submission;
  return {
    exchange: '',
    routingKey: queue,
    body,
    properties: {
      messageId: randomUUID(),
      correlationId: id,
      persistent: true,
      timestamp: Date.now(),
      headers: isFollowed === true ? { [FOLLOW_HEADER]: true } : {},
      ...(isJson ? { contentType: 'application/json' } : {}),
      ...(replyTo === undefined ? {} : { replyTo }),
    },
  };
}
