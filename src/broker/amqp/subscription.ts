import { randomUUID } from 'node:crypto';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Settlement } from '../broker.ts';
import { lossText } from './ack-timeout.ts';
import { createAcknowledger } from './acknowledger.ts';
import { closeChannel, openChannel } from './channel.ts';
import { REQUEST_LIMIT_MS, settledWithin, withinLimit } from '../limit.ts';

/*
 * One consumer tag on a channel of its own:
 *
 *   open ─cancel→ retired ─its last message settled→ ended
 *     └─ the channel closes, or the broker cancels ──→ ended
 *
 * A cancel by the broker (queue deleted, node gone, acknowledgement timeout from RabbitMQ 4.3 on) drops the
 * channel too: a timed-out consumer would get nothing more before it has settled everything.
 */
export interface Subscription {
  /** Resolves with the reason when the channel has gone. Its messages are lost then. */
  readonly ended: Promise<string>;
  /** Aborts at the same time. */
  readonly signal: AbortSignal;
  /** Messages that came and were neither acknowledged nor given back. */
  readonly unsettled: number;
  /** Whether the broker is heard on the channel; asks it if that was not so lately. */
  isReachable(): Promise<boolean>;
  ack(raw: ConsumeMessage): Promise<Settlement>;
  /** Puts a message back to the head of its queue, unseen. */
  giveBack(raw: ConsumeMessage): void;
  /** Ends the intake; resolves when nothing more can come. What came can still be settled. */
  cancel(): Promise<void>;
  /** Resolves when all that was handed out by the time of the call has come, or is lost: the answer comes behind it. */
  caughtUp(): Promise<void>;
  /** Resolves when each acknowledgement so far is proven or lost. */
  quiet(): Promise<void>;
  /** Closes the channel, for this reason. */
  readonly abandon: (reason: string) => void;
}

/** So long ago the broker may have been heard to be taken for reachable: a job that took longer can afford to ask. */
const HEARD_LATELY_MS = 20;

const YES = Promise.resolve(true);
const NO = Promise.resolve(false);
const LOST = Promise.resolve<Settlement>('lost');

export interface SubscriptionOptions {
  readonly queue: string;
  readonly prefetch: number;
  /** Of basic.consume. */
  readonly consumerArguments: Readonly<Record<string, unknown>>;
  readonly onMessage: (raw: ConsumeMessage, subscription: Subscription) => void;
  /** Whether a message shows that the queue may be a stream: it is not taken then, and the subscription ends. */
  readonly isMarked: (raw: ConsumeMessage) => boolean;
  /** A message was acknowledged: there is room for another. */
  readonly onRoom: () => void;
}

/** Opens a channel and consumes on it. Rejects with what the broker says against it. */
export async function openSubscription(
  model: ChannelModel,
  { queue, prefetch, consumerArguments, onMessage, isMarked, onRoom }: SubscriptionOptions,
): Promise<Subscription> {
  const { channel, ended: closed } = await openChannel(model);
  const ended = Promise.withResolvers<string>();
  const gone = new AbortController();
  let unsettled = 0;
  let isRetired = false;
  // Ours rather than the broker's, so that it can be cancelled at any time.
  const consumerTag = `rbit-ts-${randomUUID()}`;
  let cancelled: Promise<void> | undefined;

  function end(reason: string): void {
    ended.resolve(reason);
    gone.abort();
    void closeChannel(channel, REQUEST_LIMIT_MS);
  }
  void closed.then(({ reason }) => end(lossText(reason)));
  let heardAtMs = performance.now();
  const hear = (): void => {
    heardAtMs = performance.now();
  };
  const acknowledger = createAcknowledger(channel, prefetch, {
    onHeard: hear,
    onSilence: () => end('the channel does not answer'),
  });

  async function closeWhenDone(): Promise<void> {
    if (!isRetired || unsettled > 0) return;
    await acknowledger.quiet();
    end('cancelled');
  }

  async function cancel(): Promise<void> {
    if (gone.signal.aborted) return;
    await settledWithin(channel.cancel(consumerTag), REQUEST_LIMIT_MS);
    isRetired = true;
    void closeWhenDone();
  }

  const subscription: Subscription = {
    ended: ended.promise,
    signal: gone.signal,
    get unsettled() {
      return gone.signal.aborted ? 0 : unsettled;
    },
    isReachable() {
      if (gone.signal.aborted) return NO;
      return performance.now() - heardAtMs < HEARD_LATELY_MS ? YES : acknowledger.isHeard();
    },
    ack(raw) {
      if (gone.signal.aborted) return LOST;
      unsettled -= 1;
      const settlement = acknowledger.ack(raw);
      if (isRetired) void closeWhenDone();
      onRoom();
      return settlement;
    },
    giveBack(raw) {
      if (gone.signal.aborted) return;
      unsettled -= 1;
      try {
        acknowledger.giveBack(raw);
      } catch {
        // A closed channel has given it back already.
      }
      void closeWhenDone();
    },
    cancel() {
      cancelled ??= cancel();
      return cancelled;
    },
    async caughtUp() {
      if (!gone.signal.aborted) await acknowledger.isHeard();
    },
    quiet: () => acknowledger.quiet(),
    abandon: end,
  };

  try {
    await withinLimit(channel.prefetch(prefetch), REQUEST_LIMIT_MS, 'setting the prefetch');
    const take = (raw: ConsumeMessage | null): void => {
      if (raw === null) {
        const orLate = unsettled > 0 ? ', or does a job take longer than the acknowledgement timeout' : '';
        end(`the broker cancelled the consumer (was the queue deleted${orLate}?)`);
        return;
      }
      if (isMarked(raw)) end(`a message came as from a stream: asking what ${queue} is`);
      if (gone.signal.aborted) return;
      hear();
      unsettled += 1;
      acknowledger.expect(raw);
      onMessage(raw, subscription);
    };
    const consuming = channel.consume(queue, take, { consumerTag, arguments: consumerArguments });
    await withinLimit(consuming, REQUEST_LIMIT_MS, `consuming from ${queue}`);
  } catch (error) {
    // Closed in any case: a late consume-ok would otherwise leave a consumer that nobody listens to.
    end('never opened');
    throw error;
  }
  return subscription;
}
