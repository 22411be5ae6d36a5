import type { ConsumeMessage } from 'amqplib';
import { BrokerError, type CopyOptions, type Delivery, type Message, type Settlement } from '../broker.ts';
import { createSettling } from '../settle-once.ts';
import type { SettlingSubscription } from './consumer-options.ts';
import { bareCopyOf, copyOf } from './copy.ts';
import { toMessage } from './message.ts';
import type { Mover } from './mover.ts';

/** A message that one subscription handed out. It can be settled on the channel of that subscription only. */
export function createDelivery(
  queue: string,
  raw: ConsumeMessage,
  subscription: SettlingSubscription,
  mover: Mover,
): Delivery {
  const message = toMessage(raw);
  const settling = createSettling();

  /** Acknowledges when a copy has arrived. It is worth its trouble only as long as this delivery is ours. */
  async function ackAfter(
    { headers, onCopied }: CopyOptions,
    move: (copy: Message, signal: AbortSignal) => Promise<void>,
  ): Promise<Settlement> {
    const { signal } = subscription;
    if (signal.aborted) return 'lost';
    try {
      await move(copyOf(message, headers), signal).catch((error: unknown) => {
        if (!(error instanceof BrokerError && error.kind === 'unencodable')) throw error;
        return move(bareCopyOf(message, headers), signal);
      });
    } catch (error) {
      if (signal.aborted) return 'lost';
      throw error;
    }
    await onCopied?.();
    // The copy is there: whatever becomes of this one, its work is done.
    return (await subscription.ack(raw)) === 'settled' ? 'settled' : 'moved';
  }

  return {
    queue,
    exchange: raw.fields.exchange,
    message,
    redelivered: raw.fields.redelivered,
    // RabbitMQ counts lost connections alike, and only on quorum queues.
    crashes: 0,
    blame: async () => {},
    get isLost() {
      return subscription.signal.aborted && !settling.isSettled;
    },
    isReachable: () => subscription.isReachable(),
    ack: () => settling.settle(() => subscription.ack(raw)),
    requeue: ({ delayMs, ...options }) =>
      settling.settle(() =>
        ackAfter(options, (copy, signal) => mover.moveBack(copy, queue, delayMs, signal)),
      ),
    deadLetter: (options) =>
      settling.settle(() =>
        ackAfter(options, (copy, signal) => mover.moveToDeadLetters(copy, queue, signal)),
      ),
  };
}
