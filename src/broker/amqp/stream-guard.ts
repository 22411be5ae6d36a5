import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { queueArguments } from './queue-arguments.ts';
import { queueCounts } from './topology.ts';

/*
 * A stream hands every message to each of its consumers, and only what comes after they began: its jobs would be run by
 * every daemon, or by none. AMQP has no question for a queue's type, and the way round leaves an error in the broker's log.
 * So it is asked where a stream would do harm that nothing else shows: when a queue has messages as it is first consumed,
 * and when one comes with the mark of a stream. That may be an ordinary message that has been in a stream before.
 */

/** What each message of a stream bears. */
const MARK = 'x-stream-offset';

/** Keeps a consumer off a queue that is a stream. */
export interface StreamGuard {
  /** Asks before a subscription is opened, if there is reason to; throws if the queue is a stream. */
  admit(model: ChannelModel): Promise<void>;
  /** Whether a message bears the mark, and nobody has asked since the subscription was opened: it has to be opened anew. */
  readonly isMarked: (raw: ConsumeMessage) => boolean;
}

/** In words that lead to the fix. */
export function streamText(queue: string): string {
  return (
    `${queue} is a stream, which hands each message to every daemon and never again to one that was away: ` +
    'jobs need a classic or a quorum queue (delete it, or map another one)'
  );
}

/** The guard of one consumer. Without the right to declare, nobody can tell what a queue is; it is then consumed. */
export function createStreamGuard(queue: string): StreamGuard {
  let isFirst = true;
  let mustAsk = false;
  let hasAsked = false;
  return {
    async admit(model) {
      const asks = mustAsk || (isFirst && ((await queueCounts(model, queue))?.messageCount ?? 0) > 0);
      if (asks && (await queueArguments(model, queue)).type === 'stream') {
        mustAsk = true;
        throw new Error(streamText(queue));
      }
      [isFirst, mustAsk, hasAsked] = [false, false, asks];
    },
    isMarked({ properties: { headers } }) {
      if (hasAsked || headers?.[MARK] === undefined) return false;
      mustAsk = true;
      return true;
    },
  };
}
