import type { Broker, Consumer, Delivery, Settlement } from '../../src/broker/broker.ts';
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

/** A consumer that acknowledges what it is given, at once. */
export interface Drain {
  readonly consumer: Consumer;
  /** The bodies of all that came, in order. */
  readonly bodies: readonly string[];
  /** How each acknowledgement ended. */
  settlements(): Promise<ReadonlySet<Settlement>>;
}

/** Consumes a queue and keeps nothing; `onBody` hears how many have come. */
export function openDrain(
  broker: Broker,
  queue: string,
  prefetch: number,
  onBody: (count: number) => void = () => {},
): Drain {
  const bodies: string[] = [];
  const acks: Promise<Settlement>[] = [];
  const consumer = broker.consume(queue, {
    prefetch,
    onDelivery(delivery) {
      bodies.push(delivery.message.body.toString());
      acks.push(delivery.ack());
      onBody(bodies.length);
    },
  });
  return {
    consumer,
    bodies,
    async settlements() {
      return new Set(await Promise.all(acks));
    },
  };
}
