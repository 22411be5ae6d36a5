import type { Message, Publication } from '../broker/broker.ts';
import { failed } from '../job/outcome.ts';
import { finalReply, startedReply } from '../protocol/replies.ts';
import { REPLIES } from './local-queues.ts';
import { TOKEN } from './token.ts';

/*
 * A reply as it lies in the file: itself, and in headers where it goes, and the token of the job that it ends.
 */

const GOES_TO = 'receipt-reply-to';

const STARTED = startedReply({ replyTo: '', appId: '' }).body;

/** A reply, on its way to the file. */
export function toStoredReply(
  { routingKey, body, properties }: Publication,
  token: string | undefined,
): Publication {
  const mark = token === undefined ? {} : { [TOKEN]: token };
  const headers = { ...properties.headers, ...mark, [GOES_TO]: routingKey };
  return { exchange: '', routingKey: REPLIES, body, properties: { ...properties, headers } };
}

/** The reply that a message of the file holds. */
export function fromStoredReply({ body, properties }: Message): Publication {
  const { [GOES_TO]: routingKey, [TOKEN]: _token, ...headers } = properties.headers;
  return { exchange: '', routingKey: String(routingKey), body, properties: { ...properties, headers } };
}

/** A second "started" would be taken for the end of the step: better none than two. */
export function isSentOnce({ body }: Publication): boolean {
  return body.equals(STARTED);
}

/** What is sent in place of a final reply that the broker refuses. */
export function instead({ routingKey, properties }: Publication, reason: string): Publication {
  const { correlationId, messageId, appId = '' } = properties;
  const requester = {
    replyTo: routingKey,
    appId,
    ...(correlationId === undefined ? {} : { correlationId }),
  };
  const reply = finalReply(
    requester,
    failed(`the job ended, but its reply is too large to be sent (${reason})`),
  );
  return {
    ...reply,
    properties: { ...reply.properties, ...(messageId === undefined ? {} : { messageId }) },
  };
}
