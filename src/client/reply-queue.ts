import { randomUUID } from 'node:crypto';
import type { Broker, Message, QueueOptions } from '../broker/broker.ts';
import { abortable } from './abortable.ts';

/** Enough to keep a busy queue flowing; each message is acknowledged as soon as it was read. */
const PREFETCH = 500;

/** A temporary queue for what is said of jobs, to be made known to the broker that consumes it. */
export interface ReplyQueue {
  readonly name: string;
  readonly options: QueueOptions;
}

/** One with a name of its own; with `exchange`, output and progress of jobs come to it as well as replies. */
export function nameReplyQueue({ withExchange }: { withExchange: boolean }): ReplyQueue {
  const name = `rbit-ts.reply.${randomUUID()}`;
  const bind = withExchange ? ['output', 'progress'] : [];
  return { name, options: { bind, deadLetter: `${name}.dead`, temporary: true } };
}

/** Consumes the queue; resolves when nothing that is sent to it from now on can be missed. Rejects when `signal` aborts. */
export async function openReplyQueue(
  broker: Broker,
  { name }: ReplyQueue,
  hear: (message: Message) => void,
  signal: AbortSignal,
): Promise<void> {
  const opened = Promise.withResolvers<void>();
  broker.events.on('consumer:open', ({ queue }) => {
    if (queue === name) opened.resolve();
  });
  broker.consume(name, {
    prefetch: PREFETCH,
    onDelivery(delivery) {
      // What cannot be acknowledged comes again, and is heard once more.
      delivery.ack().catch(() => {});
      hear(delivery.message);
    },
  });
  await abortable(opened.promise, signal);
}
