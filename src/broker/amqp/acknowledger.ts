import type { Channel, ConsumeMessage } from 'amqplib';
import type { Settlement } from '../broker.ts';
import { REQUEST_LIMIT_MS, withinLimit } from '../limit.ts';

/** Writes acknowledgements on one channel, and finds out whether the broker has heard them. */
export interface Acknowledger {
  /** Takes note of a message that came and has to be settled; to be called in the order in which they come. */
  expect(raw: ConsumeMessage): void;
  /** Gives a message back to the head of its queue. Throws when the channel is closed. */
  giveBack(raw: ConsumeMessage): void;
  /** Resolves 'settled' when the broker has provably processed it, 'lost' if the channel goes first. */
  ack(raw: ConsumeMessage): Promise<Settlement>;
  /** Waits for an answer without acknowledging anything. False: there is none, and the channel is given up. */
  isHeard(): Promise<boolean>;
  /** Resolves when every acknowledgement so far is either proven or lost. */
  quiet(): Promise<void>;
}

interface Acknowledgement {
  readonly raw: ConsumeMessage;
  readonly tag: number;
  readonly resolve: (settlement: Settlement) => void;
}

/**
 * AMQP does not answer an acknowledgement. But a channel is worked in order, so that the answer to any later
 * request proves it: setting the prefetch to what it is already costs the broker nothing and no delivery waits
 * for it. One such request at a time proves all acknowledgements written before it.
 *
 * Acknowledgements that are given one right after the other are written together: those of them before which nothing is
 * left unsettled are one on the wire.
 */
export function createAcknowledger(
  channel: Channel,
  prefetch: number,
  { onHeard, onSilence }: { readonly onHeard: () => void; readonly onSilence: () => void },
): Acknowledger {
  /** Delivery tags of what came and is neither acknowledged nor given back, in their order: that of the numbers. */
  const open = new Set<number>();
  let unwritten: Acknowledgement[] = [];
  let unproven: Acknowledgement[] = [];
  let proving: Promise<void> | undefined;
  let asking: Promise<boolean> | undefined;

  async function ask(): Promise<boolean> {
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

  /** Asks once for all who want to know at the same time: a channel has one question open, others wait for their turn. */
  function isHeard(): Promise<boolean> {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function prove(): Promise<void> {
    while (unproven.length > 0) {
      const written = unproven;
      unproven = [];
      const settlement: Settlement = (await ask()) ? 'settled' : 'lost';
      for (const { resolve } of written) resolve(settlement);
    }
    proving = undefined;
  }

  function write(): void {
    const batch = unwritten.sort((one, other) => one.tag - other.tag);
    unwritten = [];
    if (batch.length === 0) return;
    for (const { tag } of batch) open.delete(tag);
    const [oldest = Number.POSITIVE_INFINITY] = open;
    const last = batch.findLastIndex(({ tag }) => tag < oldest);
    try {
      for (const [index, { raw }] of batch.entries()) if (index >= last) channel.ack(raw, index === last);
    } catch {
      // A closed channel: the messages have gone back to their queue.
      for (const { resolve } of batch) resolve('lost');
      return;
    }
    unproven.push(...batch);
    proving ??= prove();
  }

  return {
    expect(raw) {
      open.add(raw.fields.deliveryTag);
    },
    giveBack(raw) {
      open.delete(raw.fields.deliveryTag);
      channel.nack(raw, false, true);
    },
    isHeard,
    ack(raw) {
      return new Promise((resolve) => {
        // After all that the same turn of the loop has set off at once.
        if (unwritten.length === 0) process.nextTick(write);
        unwritten.push({ raw, tag: raw.fields.deliveryTag, resolve });
      });
    },
    async quiet() {
      write();
      await proving;
    },
  };
}
