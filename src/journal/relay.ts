import { randomUUID } from 'node:crypto';
import { type Broker, BrokerError, type Publication } from '../broker/broker.ts';

/*
 * Sends replies: to each reply queue in the order in which they were handed in, over any number of outages,
 * without one requester's queue holding up another's.
 *
 * A reply is written without waiting for the confirm of the one before it. When the connection goes between
 * writing and confirm, nobody can know whether the reply arrived. Then a "started" is not sent again, since
 * re-core takes a second one for the end of the step; a final reply is, since without one a release never ends.
 * Both copies carry the same message id, by which a requester can tell them.
 */

export type SentReply = { readonly kind: 'sent' } | { readonly kind: 'dropped'; readonly reason: string };

interface Waiting {
  readonly number: number;
  readonly publication: Publication;
  readonly atMostOnce: boolean;
  readonly resolve: (sent: SentReply) => void;
}

interface Lane {
  readonly waiting: Waiting[];
  isPumping: boolean;
}

const SENT: SentReply = { kind: 'sent' };

export interface Relay {
  /** Sends a reply once at most. Resolves when it is confirmed, dropped or given up; nobody has to wait for it. */
  sendOnce(reply: Publication): Promise<SentReply>;
  /** Sends a reply until it is confirmed, or dropped since its queue is gone. Pending for as long as the broker is away. */
  send(reply: Publication): Promise<SentReply>;
}

/** A relay on `broker`; it ends when the broker is closed, and what it has not sent by then is dropped. */
export function createRelay(broker: Pick<Broker, 'writable' | 'publish'>): Relay {
  const lanes = new Map<string, Lane>();
  let handedIn = 0;

  function handIn(reply: Publication, atMostOnce: boolean): Promise<SentReply> {
    const publication = withMessageId(reply);
    return new Promise((resolve) => {
      handedIn += 1;
      put(reply.routingKey, { number: handedIn, publication, atMostOnce, resolve });
    });
  }

  function put(key: string, reply: Waiting): void {
    const lane = lanes.get(key) ?? { waiting: [], isPumping: false };
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
        await broker.writable();
        const reply = lane.waiting.shift();
        if (reply !== undefined) void write(key, reply);
      }
    } catch (error) {
      const reason = `the broker is closed (${messageOf(error)})`;
      for (const { resolve } of lane.waiting.splice(0)) resolve({ kind: 'dropped', reason });
    }
    lane.isPumping = false;
    if (lane.waiting.length === 0) lanes.delete(key);
  }

  async function write(key: string, reply: Waiting): Promise<void> {
    try {
      const result = await broker.publish(reply.publication);
      const gone: SentReply = { kind: 'dropped', reason: 'its queue is gone' };
      reply.resolve(result === 'routed' ? SENT : gone);
    } catch (error) {
      const kind = error instanceof BrokerError ? error.kind : 'refused';
      if (kind === 'unavailable' || (kind === 'uncertain' && !reply.atMostOnce)) put(key, reply);
      else if (kind === 'uncertain') reply.resolve(SENT);
      else reply.resolve({ kind: 'dropped', reason: messageOf(error) });
    }
  }

  return {
    sendOnce: (reply) => handIn(reply, true),
    send: (reply) => handIn(reply, false),
  };
}

function withMessageId(reply: Publication): Publication {
  return { ...reply, properties: { ...reply.properties, messageId: randomUUID() } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
