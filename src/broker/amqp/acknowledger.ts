import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Settlement } from '../broker.ts';
import { REQUEST_LIMIT_MS, withinLimit } from '../limit.ts';

/** Writes acknowledgements on one channel, and finds out whether the broker has heard them. */
export interface Acknowledger {
  /** Writes at once. Resolves 'settled' when the broker has provably processed it, 'lost' if the channel goes first. */
  ack(raw: ConsumeMessage): Promise<Settlement>;
  /** Asks for an answer without acknowledging anything. False: there is none, and the channel is given up. */
  isHeard(): Promise<boolean>;
  /** Resolves when every acknowledgement so far is either proven or lost. */
  quiet(): Promise<void>;
}

/**
 * AMQP does not answer an acknowledgement. But a channel is worked in order, so that the answer to any later
 * request proves it: setting the prefetch to what it is already costs the broker nothing and no delivery waits
 * for it. One such request at a time proves all acknowledgements written before it.
 */
export function createAcknowledger(
  channel: Channel,
  prefetch: number,
  { onHeard, onSilence }: { readonly onHeard: () => void; readonly onSilence: () => void },
): Acknowledger {
  let unproven: ((settlement: Settlement) => void)[] = [];
  let proving: Promise<void> | undefined;

  async function isHeard(): Promise<boolean> {
    try {
      await withinLimit(channel.prefetch(prefetch), REQUEST_LIMIT_MS, 'the answer to an acknowledgement');
      onHeard();
      return true;
    } catch {
      // Later, so that a channel that has closed can say why itself.
      setImmediate(onSilence);
      return false;
    }
  }

  async function prove(): Promise<void> {
    while (unproven.length > 0) {
      // Acknowledgements of the same turn share one request.
      await nextTurn();
      const written = unproven;
      unproven = [];
      const settlement: Settlement = (await isHeard()) ? 'settled' : 'lost';
      for (const resolve of written) resolve(settlement);
    }
    proving = undefined;
  }

  return {
    isHeard,
    async ack(raw) {
      try {
        channel.ack(raw);
      } catch {
        // A closed channel: the message has gone back to its queue.
        return 'lost';
      }
      const proof = Promise.withResolvers<Settlement>();
      unproven.push(proof.resolve);
      proving ??= prove();
      return proof.promise;
    },
    async quiet() {
      await proving;
    },
  };
}
