import { randomUUID } from 'node:crypto';
import type { Broker, QueueOptions } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';
import { abortable } from '../broker/abortable.ts';
import type { HeardMessage } from './read-job-event.ts';

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

/**
 * Makes the queue and consumes it; resolves when nothing that is sent to it from now on can be missed, or with the
 * broker's reason why it may not be made. Rejects when `signal` aborts.
 */
export async function openReplyQueue(
  broker: Broker,
  { name }: ReplyQueue,
  hear: (heard: HeardMessage) => void,
  signal: AbortSignal,
): Promise<{ readonly refused: string } | undefined> {
  const refused = await whyRefused(broker, name, signal);
  if (refused !== undefined) return { refused };
  const opened = Promise.withResolvers<void>();
  broker.events.on('consumer:open', ({ queue }) => {
    if (queue === name) opened.resolve();
  });
  broker.consume(name, {
    prefetch: PREFETCH,
    onDelivery(delivery) {
      // What cannot be acknowledged comes again, and is heard once more.
      delivery.ack().catch(() => {});
      hear(delivery);
    },
  });
  await abortable(opened.promise, signal);
  return undefined;
}

/** A consumer tries again for ever, whatever the reason is; who asks hears a refusal. */
async function whyRefused(broker: Broker, name: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await broker.prepare(name, signal);
    return undefined;
  } catch (error) {
    if (error instanceof BrokerError && error.kind === 'refused') return error.message;
    throw error;
  }
}
