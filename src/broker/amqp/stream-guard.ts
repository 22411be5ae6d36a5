import { setTimeout as wait } from 'node:timers/promises';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { queueArguments } from './queue-arguments.ts';
import type { Subscription } from './subscription.ts';
import { queueCounts } from './topology.ts';

/*
 * A stream hands every message to each of its consumers, and only what comes after they began: its jobs would be run by
 * every daemon, or by none. AMQP has no question for a queue's type, and the way round leaves an error in the broker's log.
 * So it is asked where a stream would do harm that nothing else shows: when messages lie on a queue soon after it was first
 * consumed, and when one comes with the mark of a stream. That may be an ordinary message that has been in a stream before.
 */

/** What each message of a stream bears. */
const MARK = 'x-stream-offset';
/** No job has to wait for the answer. */
const LOOK_AFTER_MS = 1_000;

/** Keeps a consumer off a queue that is a stream. */
export interface StreamGuard {
  /** Asks before a subscription is opened, if there is reason to; throws if the queue is a stream. */
  admit(model: ChannelModel): Promise<void>;
  /** Asks a while after the first subscription was opened, if the queue has messages; ends it if they are a stream's. Never rejects. */
  look(model: ChannelModel, subscription: Pick<Subscription, 'signal' | 'abandon'>): Promise<void>;
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
  let hasLooked = false;
  let mustAsk = false;
  let hasAsked = false;

  async function isStream(model: ChannelModel): Promise<boolean> {
    return (await queueArguments(model, queue)).type === 'stream';
  }

  return {
    async admit(model) {
      if (mustAsk && (await isStream(model))) throw new Error(streamText(queue));
      [mustAsk, hasAsked] = [false, mustAsk];
    },
    async look(model, { signal, abandon }) {
      if (hasLooked) return;
      try {
        await wait(LOOK_AFTER_MS, undefined, { ref: false, signal });
        const hasMessages = ((await queueCounts(model, queue))?.messageCount ?? 0) > 0;
        mustAsk = hasMessages && (await isStream(model));
        hasLooked = true;
        if (mustAsk) abandon(streamText(queue));
      } catch {
        // The subscription has gone: the next one is looked at.
      }
    },
    isMarked({ properties: { headers } }) {
      if (hasAsked || headers?.[MARK] === undefined) return false;
      mustAsk = true;
      return true;
    },
  };
}
