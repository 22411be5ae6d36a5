import type { Broker, Publication } from '../broker/broker.ts';
import { type Placed, putOnQueue } from './put-on-queue.ts';

/** So many publications at most wait for their confirm at a time. */
const WINDOW = 1000;

export interface SendManyOptions {
  readonly count: number;
  /** The publication of one job, counted from 0; asked for when its turn comes. */
  readonly publicationOf: (index: number) => Publication;
  readonly onPlaced: (index: number, placed: Placed) => void;
  readonly signal: AbortSignal;
}

/**
 * Puts many messages on queues, in order, a thousand of them under way at a time. Resolves when each was placed;
 * sends no more as soon as one finds no queue or is refused. Rejects when `signal` aborts, after what was sent by then.
 */
export async function sendMany(broker: Broker, options: SendManyOptions): Promise<void> {
  const { count, signal, onPlaced } = options;
  const enough = new AbortController();
  const errors: unknown[] = [];
  const underWay = new Set<Promise<void>>();
  let freed = Promise.withResolvers<void>();

  async function send(index: number): Promise<void> {
    try {
      const placed = await putOnQueue(broker, options.publicationOf(index), signal);
      if (placed.kind === 'unroutable' || placed.kind === 'refused') enough.abort();
      onPlaced(index, placed);
    } catch (error) {
      errors.push(error);
      enough.abort();
    }
  }

  for (let index = 0; index < count && !enough.signal.aborted; index += 1) {
    // In order: whoever comes next must not overtake one that waits.
    await broker.writable(signal).catch(() => {});
    const sending = send(index).finally(() => {
      underWay.delete(sending);
      freed.resolve();
    });
    underWay.add(sending);
    while (underWay.size >= WINDOW) {
      freed = Promise.withResolvers();
      await freed.promise;
    }
  }
  await Promise.all(underWay);
  if (errors.length > 0) throw errors[0];
}
