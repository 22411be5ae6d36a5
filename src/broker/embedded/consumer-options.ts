import type { EventEmitter } from 'node:events';
import type { BrokerEvents, ConsumeOptions, QueueOptions } from '../broker.ts';
import type { EmbeddedDelivery } from './delivery.ts';
import type { QueueCommitter } from './tables.ts';

/** What a consumer of the embedded broker has to know. */
export interface ConsumerOptions extends Omit<ConsumeOptions, 'onDelivery'> {
  readonly queue: string;
  /** As they are now. Undefined: it is taken as it is, or made with nothing leading to it. */
  readonly facts: () => QueueOptions | undefined;
  readonly committer: QueueCommitter;
  readonly events: EventEmitter<BrokerEvents>;
  /** Name of the owner; messages in hand are its. */
  readonly owner: () => string;
  /** All that the broker has in hand, by its id. */
  readonly inHand: Map<number, EmbeddedDelivery>;
  readonly onDelivery: (delivery: EmbeddedDelivery) => void;
  readonly onStopped: () => void;
}
