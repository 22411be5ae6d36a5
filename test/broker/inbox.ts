import type { Broker, Consumer, Delivery } from '../../src/broker/broker.ts';
import { eventually } from '../support/eventually.ts';

/** A consumer that keeps what it is given, unsettled. */
export interface Inbox {
  readonly consumer: Consumer;
  /** All that ever came, in order. */
  readonly deliveries: readonly Delivery[];
  /** The next delivery that nobody has taken yet. */
  next(limitMs?: number): Promise<Delivery>;
  /** Resolves when the broker has registered the consumer. */
  consuming(): Promise<void>;
}

/** Consumes a queue into an inbox. */
export function openInbox(broker: Broker, queue: string, prefetch = 10): Inbox {
  const deliveries: Delivery[] = [];
  let taken = 0;
  const consumer = broker.consume(queue, {
    prefetch,
    onDelivery(delivery) {
      deliveries.push(delivery);
    },
  });
  return {
    consumer,
    deliveries,
    async next(limitMs) {
      const index = taken;
      taken += 1;
      return eventually(() => deliveries[index], `delivery number ${index + 1} from ${queue}`, limitMs);
    },
    async consuming() {
      await eventually(() => consumer.state === 'consuming', `consuming ${queue}`);
    },
  };
}
