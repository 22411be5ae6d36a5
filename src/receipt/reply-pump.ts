import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, Consumer, Delivery, Publication } from '../broker/broker.ts';
import type { Announcer } from '../job/events.ts';
import { createRelay, type Relay, type SentReply } from '../journal/relay.ts';
import { statusOf } from '../protocol/replies.ts';
import type { Doubts } from './doubts.ts';
import { REPLIES } from './local-queues.ts';
import { ReplyGap } from './reply-gap.ts';
import { fromStoredReply, instead, isSentOnce } from './stored-reply.ts';
import { tokenOf } from './token.ts';
import { takeTurn } from './turn.ts';

/*
 * Sends the replies that lie in the file, in their order, and takes each off when it is confirmed.
 *
 *   waiting for the turn → away ⇄ sending → closed
 *
 * While the broker is away they stay in the file. A "started" that was taken by a daemon which died before the confirm
 * may have been sent, and is not sent again.
 */

/** How many are in memory at a time, of 16 MiB each at the most; fewer of them to a full queue hold up no other. */
const MOST_REPLIES = 32;
/** Of so many reply queues it is known that their loss has been told. */
const MOST_TOLD = 1_000;
const FLUSH_LOOK_MS = 20;

export interface ReplyPump {
  /** Begins as soon as the file is open, the turn is ours and the broker is there. */
  start(): void;
  /** How many are still to be sent. Waits and rejects as `Broker.count` does. */
  unsent(signal: AbortSignal): Promise<number>;
  /** Resolves when nothing is left that can be sent now, after `limitMs` at the latest. */
  flush(limitMs: number): Promise<void>;
  close(): void;
}

export function createReplyPump({
  local,
  remote,
  events,
  doubts,
  replyGapMs,
}: {
  readonly local: Broker;
  readonly remote: Broker;
  readonly events: Announcer;
  readonly doubts: Doubts;
  /** Least time between "started" and the final reply, as it is configured at the moment. */
  readonly replyGapMs: () => number;
}): ReplyPump {
  const relay: Relay = createRelay(remote, (reply) => events.emit('reply:sent', { status: statusOf(reply) }));
  const gap = new ReplyGap(replyGapMs);
  const closing = new AbortController();
  const told = new Set<string>();
  let consumer: Consumer | undefined;
  let isAway = true;
  let inHand = 0;

  for (const trouble of ['connection:lost', 'connection:blocked'] as const)
    remote.events.on(trouble, () => {
      if (isAway || consumer === undefined) return;
      isAway = true;
      void consumer.pause();
      void comeBack().catch(() => {});
    });

  async function comeBack(): Promise<void> {
    await remote.writable(closing.signal);
    isAway = false;
    if (consumer === undefined)
      consumer = local.consume(REPLIES, { prefetch: MOST_REPLIES, onDelivery: (reply) => void take(reply) });
    else consumer.resume();
  }

  async function take(delivery: Delivery): Promise<void> {
    inHand += 1;
    await sendInTime(delivery);
    inHand -= 1;
  }

  async function sendInTime(delivery: Delivery): Promise<void> {
    const token = tokenOf(delivery.message);
    try {
      if (token !== undefined) await doubts.cleared(token, closing.signal);
    } catch {
      // Closed first: the next daemon sends it.
      return;
    }
    const sent = await send(delivery, fromStoredReply(delivery.message));
    // A closed broker drops what it has: that is to be sent by the next daemon.
    if (sent.kind === 'sent' || (sent.kind !== 'lost' && !closing.signal.aborted)) await delivery.ack();
  }

  async function send(delivery: Delivery, reply: Publication): Promise<SentReply> {
    if (isSentOnce(reply)) {
      if (delivery.redelivered) return { kind: 'sent' };
      const started = relay.sendOnce(reply);
      gap.begin(reply, started);
      return tell(reply, await started);
    }
    await gap.over(reply);
    const sent = await relay.send(reply, delivery);
    if (sent.kind !== 'refused') return tell(reply, sent);
    return tell(reply, await relay.send(instead(reply, sent.reason), delivery));
  }

  /** Says that nobody can receive a reply, and whether the same was said of its queue before. */
  function tell(reply: Publication, sent: SentReply): SentReply {
    const { routingKey: replyTo, properties } = reply;
    if (!('reason' in sent) || closing.signal.aborted) return sent;
    const isRepeated = told.has(replyTo);
    told.add(replyTo);
    const [oldest] = told;
    if (told.size > MOST_TOLD && oldest !== undefined) told.delete(oldest);
    const { appId: runner = '' } = properties;
    const { reason } = sent;
    events.emit('reply:dropped', { runner, replyTo, status: statusOf(reply), reason, isRepeated });
    return sent;
  }

  /** There is something to send, and it can be sent. */
  async function canGoOn(signal: AbortSignal): Promise<boolean> {
    return !isAway && (await unsent(signal).catch(() => inHand)) > 0;
  }

  async function unsent(signal: AbortSignal): Promise<number> {
    return inHand + ((await local.count(REPLIES, signal)) ?? 0);
  }

  async function run(): Promise<void> {
    await local.prepare(REPLIES, closing.signal);
    await takeTurn(local, closing.signal);
    await comeBack();
  }

  return {
    start() {
      // It rejects when it is closed first.
      void run().catch(() => {});
    },
    unsent,
    async flush(limitMs) {
      const over = AbortSignal.timeout(limitMs);
      while (!over.aborted && (await canGoOn(over))) await wait(FLUSH_LOOK_MS);
    },
    close() {
      closing.abort();
    },
  };
}
