import type { ConsumeMessage } from 'amqplib';
import type { Delivery } from '../broker.ts';
import { COPY_HEADER, copyTokenOf, newCopyToken } from '../copy-token.ts';
import type { Subscription } from './subscription.ts';

/**
 * Returns a message that nobody has seen. One that came for the first time goes back as a copy: after a nack it
 * would come again as redelivered, and whoever gets it then has to believe that its job was begun. The copy has a token
 * by which it is known if it is published twice. One that the message has already stays: the other copy of it may be
 * elsewhere on the queue.
 */
export async function putBack(
  raw: ConsumeMessage,
  subscription: Subscription,
  toDelivery: (raw: ConsumeMessage, subscription: Subscription) => Delivery,
): Promise<void> {
  if (raw.fields.redelivered) return subscription.giveBack(raw);
  // The copy would come here again as long as the broker has not heard of the cancel.
  await subscription.cancel();
  const delivery = toDelivery(raw, subscription);
  const token = copyTokenOf(delivery.message) ?? newCopyToken();
  const headers = { [COPY_HEADER]: token };
  await delivery.requeue({ delayMs: 0, headers }).catch(() => subscription.giveBack(raw));
}
