import { hash } from 'node:crypto';
import type { Delivery } from '../broker/broker.ts';
import { FOLLOW_HEADER, HISTORY_PREFIX, readHistory } from '../protocol/history.ts';

/**
 * How surely a print tells a message from every other one:
 * - `copy`: it bears the token of a copy of ours; an equal message is that very copy, published twice;
 * - `message`: it bears a message id, which no other message should;
 * - `correlation`: only a correlation id, which re-core gives to every step of a release;
 * - `none`: nothing at all.
 */
export type Identity = 'copy' | 'message' | 'correlation' | 'none';

/** Which message something is about. */
export interface MessagePrint {
  readonly queue: string;
  /** 64 hexadecimal digits over all that survives a redelivery unchanged: equal messages have equal prints. */
  readonly print: string;
  readonly identity: Identity;
  /** Of a copy whose message has an id: the print of that message as it was sent, before it went back for the first time. */
  readonly origin?: string;
}

/** The print of the message that a delivery handed out. */
export function printOf(delivery: Delivery): MessagePrint {
  const { queue, message } = delivery;
  const print = hashOf(delivery, (name) => name.startsWith(HISTORY_PREFIX));
  const identity = identityOf(message);
  if (identity !== 'copy' || !message.properties.messageId) return { queue, print, identity };
  return { queue, print, identity, origin: hashOf(delivery, (name) => name === FOLLOW_HEADER) };
}

function hashOf({ queue, message }: Delivery, counts: (header: string) => boolean): string {
  const { correlationId, messageId, replyTo, timestamp, headers } = message.properties;
  // Sorted: a quorum queue that hands a message out again counts that in a header, and sorts the others meanwhile.
  const ours = Object.entries(headers)
    .filter(([name]) => counts(name))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  const head = JSON.stringify([queue, correlationId, messageId, replyTo, timestamp, ours]);
  return hash('sha256', Buffer.concat([Buffer.from(head), message.body]), 'hex');
}

function identityOf(message: Delivery['message']): Identity {
  const { messageId, correlationId } = message.properties;
  if (readHistory(message).copy !== undefined) return 'copy';
  if (messageId) return 'message';
  return correlationId ? 'correlation' : 'none';
}
