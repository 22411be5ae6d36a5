import { createHash } from 'node:crypto';
import type { Delivery } from '../broker/broker.ts';
import { HISTORY_PREFIX } from '../protocol/history.ts';

/**
 * Says which message a delivery is of: 64 hexadecimal digits over all that survives a redelivery unchanged. Two
 * messages may have the same one, so it only ever answers "which of ours is this, that came again?".
 */
export function fingerprint({ queue, message }: Delivery): string {
  const { correlationId, messageId, replyTo, timestamp, headers } = message.properties;
  const ours = Object.entries(headers).filter(([name]) => name.startsWith(HISTORY_PREFIX));
  return createHash('sha256')
    .update(JSON.stringify([queue, correlationId, messageId, replyTo, timestamp, ours]))
    .update(message.body)
    .digest('hex');
}
