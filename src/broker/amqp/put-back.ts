import type { ConsumeMessage } from 'amqplib';
import type { Delivery } from '../broker.ts';
import type { Subscription } from './subscription.ts';

/**
 * Returns a message that nobody has seen. One that came for the first time goes back as a copy: after a nack it
 * would come again as redelivered, and whoever gets it then has to believe that its job was begun.
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
  await delivery.requeue({ delayMs: 0, headers: {} }).catch(() => subscription.giveBack(raw));
}
