import type { EventEmitter } from 'node:events';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { BrokerEvents, ConsumeOptions, Delivery } from '../broker.ts';
import type { Connection } from './connection.ts';
import type { Subscription } from './subscription.ts';

/** What a consumer needs of its broker. */
export interface ConsumerOptions extends ConsumeOptions {
  readonly queue: string;
  readonly connection: Connection;
  readonly events: EventEmitter<BrokerEvents>;
  readonly maxDelayMs: number;
  /** As `QueueOptions.ackTimeoutMs`, for a subscription that is opened now. */
  readonly ackTimeoutMs: () => number | undefined;
  /** Sees to it that the queue is there; throws if it cannot be consumed. */
  readonly prepare: (model: ChannelModel) => Promise<void>;
  /** What is looked at while it is consumed already. */
  readonly onOpen: (model: ChannelModel, subscription: Subscription) => void;
  /** Whether a message shows that the queue may be a stream: then it is prepared again before more are taken. */
  readonly isMarked: (raw: ConsumeMessage) => boolean;
  readonly toDelivery: (raw: ConsumeMessage, subscription: SettlingSubscription) => Delivery;
  /** What is left to do when it has stopped, before `stop` resolves. */
  readonly onStopped?: () => Promise<void>;
  /** It has stopped, and nothing that came by it can be settled any more. */
  readonly onGone?: () => void;
}

/** What a delivery needs of its subscription. */
export type SettlingSubscription = Pick<Subscription, 'ack' | 'isReachable' | 'signal'>;
