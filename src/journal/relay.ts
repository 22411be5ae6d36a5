import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, Delivery, Publication } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';
import { newReplyId } from './reply-id.ts';

/*
 * Sends replies: to each reply queue in the order in which they were handed in, over any number of outages,
 * without one requester's queue holding up another's.
 *
 * A reply is written without waiting for the confirm of the one before it. When the connection goes between
 * writing and confirm, nobody can know whether the reply arrived. Then a "started" is not sent again, since
 * re-core takes a second one for the end of the step; a final reply is, since without one a release never ends.
 * Both copies carry the same message id, by which a requester can tell them.
 *
 * A final reply belongs to the delivery that it settles. When that is lost before the reply is confirmed, the message
 * may be handed to another host, which runs the job and answers it: to send it from here as well would be one reply too many.
 */

/**
 * 'refused': the broker will not take this reply, though it may take another. 'dropped': nobody can receive it.
 * 'lost': its job's message is in nobody's hands here any more; whoever gets it next sends the reply.
 */
export type SentReply =
  | { readonly kind: 'sent' | 'lost' }
  | { readonly kind: 'refused' | 'dropped'; readonly reason: string };

interface Waiting {
  readonly number: number;
  readonly publication: Publication;
  readonly settling: Delivery | undefined;
  readonly atMostOnce: boolean;
  readonly resolve: (sent: SentReply) => void;
}

interface Lane {
  readonly waiting: Waiting[];
  isPumping: boolean;
  inFlight: number;
  /** How long the next try waits: more each time its queue was full. */
  pauseMs: number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const IDLE_LANES = 20;

const SENT: SentReply = { kind: 'sent' };
const LOST: SentReply = { kind: 'lost' };

export interface Relay {
  /** Sends a reply once at most. Resolves when it is confirmed, dropped or given up; nobody has to wait for it. */
  sendOnce(reply: Publication): Promise<SentReply>;
  /**
   * Sends a reply until it is confirmed, or dropped since its queue is gone; pending for as long as the broker is away.
   * `settling` is the delivery whose job it answers, as for `Broker.publish`: 'lost' when that is lost first.
   */
  send(reply: Publication, settling?: Delivery): Promise<SentReply>;
}

/**
 * A relay on `broker`; it ends when the broker is closed, and what it has not sent by then is dropped. `onSent` hears of
 * each reply that the broker has confirmed.
 */
export function createRelay(
  broker: Pick<Broker, 'writable' | 'publish'>,
  onSent?: (reply: Publication) => void,
): Relay {
  const lanes = new Map<string, Lane>();
  let handedIn = 0;

  function handIn(
    reply: Publication,
    { atMostOnce, settling }: Pick<Waiting, 'atMostOnce' | 'settling'>,
  ): Promise<SentReply> {
    const publication = withMessageId(reply);
    return new Promise((resolve) => {
      handedIn += 1;
      put(publication.routingKey, { number: handedIn, publication, settling, atMostOnce, resolve });
    });
  }

  function put(key: string, reply: Waiting): void {
    const lane = lanes.get(key) ?? { waiting: [], isPumping: false, inFlight: 0, pauseMs: 0 };
    lanes.set(key, lane);
    // A reply that comes back after a failure belongs before all that were handed in after it.
    const behind = lane.waiting.findIndex(({ number }) => number > reply.number);
    lane.waiting.splice(behind === -1 ? lane.waiting.length : behind, 0, reply);
    if (!lane.isPumping) void pump(key, lane);
  }

  async function pump(key: string, lane: Lane): Promise<void> {
    lane.isPumping = true;
    try {
      while (lane.waiting.length > 0) {
        if (lane.pauseMs > 0) await wait(lane.pauseMs, undefined, { ref: false });
        await broker.writable();
        const reply = lane.waiting.shift();
        if (reply === undefined) break;
        if (reply.settling?.isLost === true) {
          reply.resolve(LOST);
          continue;
        }
        const written = write(key, lane, reply);
        // A queue that was full gets one reply at a time until it takes one again.
        if (lane.pauseMs > 0) await written;
      }
    } catch (error) {
      const reason = `the broker is closed (${messageOf(error)})`;
      for (const { resolve, atMostOnce } of lane.waiting.splice(0))
        resolve(atMostOnce ? { kind: 'dropped', reason } : LOST);
    }
    lane.isPumping = false;
    forgetIfIdle(key, lane);
  }

  /** A few idle ones may stay: a requester that waits for each reply would otherwise get a new lane for each job. */
  function forgetIfIdle(key: string, lane: Lane): void {
    if (lane.waiting.length + lane.inFlight > 0) return;
    lane.pauseMs = 0;
    if (lanes.size > IDLE_LANES) lanes.delete(key);
  }

  async function write(key: string, lane: Lane, reply: Waiting): Promise<void> {
    const { pauseMs } = lane;
    lane.inFlight += 1;
    try {
      const result = await broker.publish(reply.publication, reply.settling);
      lane.pauseMs = 0;
      if (result === 'routed') onSent?.(reply.publication);
      const gone: SentReply = { kind: 'dropped', reason: 'its queue is gone' };
      reply.resolve(result === 'routed' ? SENT : gone);
    } catch (error) {
      const kind = error instanceof BrokerError ? error.kind : 'refused';
      const comesLater = kind === 'full' || kind === 'forbidden';
      // Longer than the pause that this one came after: all that were in flight at once are refused at once.
      if (comesLater) {
        const longerMs = Math.min(pauseMs * 2 || FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
        lane.pauseMs = Math.max(lane.pauseMs, longerMs);
      }
      const mayArrive = comesLater || kind === 'unavailable' || kind === 'uncertain';
      if (mayArrive && reply.settling?.isLost === true) reply.resolve(LOST);
      else if (mayArrive && !(kind === 'uncertain' && reply.atMostOnce)) put(key, reply);
      else if (kind === 'uncertain') reply.resolve(SENT);
      else reply.resolve({ kind: kind === 'refused' ? 'refused' : 'dropped', reason: messageOf(error) });
    } finally {
      lane.inFlight -= 1;
      forgetIfIdle(key, lane);
    }
  }

  return {
    sendOnce: (reply) => handIn(reply, { atMostOnce: true, settling: undefined }),
    send: (reply, settling) => handIn(reply, { atMostOnce: false, settling }),
  };
}

function withMessageId(reply: Publication): Publication {
  if (reply.properties.messageId !== undefined) return reply;
  return { ...reply, properties: { messageId: newReplyId(), ...reply.properties } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
