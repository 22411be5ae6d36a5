import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, Publication } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';
import { abortable } from '../broker/abortable.ts';

/**
 * What became of a publication. 'uncertain': it was sent, but its confirm never came, so the job may or may not be on
 * the queue. It is not sent again: that could run the job twice.
 */
export type Placed =
  | { readonly kind: 'queued' }
  | { readonly kind: 'unroutable' }
  | { readonly kind: 'uncertain' | 'refused'; readonly reason: string };

const FULL_RETRY_MS = 250;

/**
 * Sees to it that a queue is there; false when it is missing and may not be made. Somebody who may only publish is not
 * allowed to look: then the publication finds out. Rejects as `Broker.prepare` does.
 */
export async function prepareQueue(broker: Broker, queue: string, signal: AbortSignal): Promise<boolean> {
  try {
    return await broker.prepare(queue, signal);
  } catch (error) {
    if (error instanceof BrokerError && error.kind === 'refused') return true;
    throw error;
  }
}

/**
 * Puts one message on its queue as soon as the broker takes it. When `signal` aborts it rejects with that reason if
 * nothing was sent; what was sent by then is 'uncertain'.
 */
export async function putOnQueue(
  broker: Broker,
  publication: Publication,
  signal: AbortSignal,
): Promise<Placed> {
  for (;;) {
    await broker.writable(signal);
    signal.throwIfAborted();
    const placed = await tryOnce(broker, publication, signal);
    if (placed !== 'again') return placed;
  }
}

async function tryOnce(
  broker: Broker,
  publication: Publication,
  signal: AbortSignal,
): Promise<Placed | 'again'> {
  try {
    const result = await abortable(broker.publish(publication), signal);
    return result === 'routed' ? { kind: 'queued' } : { kind: 'unroutable' };
  } catch (error) {
    if (!(error instanceof BrokerError)) {
      if (signal.aborted) return { kind: 'uncertain', reason: 'the broker has not confirmed it' };
      throw error;
    }
    switch (error.kind) {
      case 'unavailable':
        return 'again';
      case 'full':
        await wait(FULL_RETRY_MS, undefined, { signal });
        return 'again';
      case 'unroutable':
        return { kind: 'unroutable' };
      case 'uncertain':
      case 'refused':
        return { kind: error.kind, reason: error.message };
      case 'forbidden':
      case 'unencodable':
        return { kind: 'refused', reason: error.message };
    }
  }
}
