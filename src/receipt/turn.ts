import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, Consumer } from '../broker/broker.ts';
import { TURN } from './local-queues.ts';

const LOOK_EVERY_MS = 10;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Resolves when this daemon is the one of those on a file that sends the replies: two that did would not keep
 * their order. Who is alone to consume an empty queue has the turn until its broker is closed or its process has gone;
 * and what it had in hand goes back in the very transaction that takes it off the list. Rejects when `signal` aborts.
 */
export async function takeTurn(local: Broker, signal: AbortSignal): Promise<void> {
  const claim = local.consume(TURN, { prefetch: 1, onDelivery() {} });
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    await untilConsuming(claim, signal);
    if ((await local.countConsumers(TURN, signal)) === 1) return;
    await claim.pause();
    // Two that come at once would otherwise wait for each other again and again.
    do await wait(pauseMs * (0.5 + Math.random()), undefined, { signal });
    while (((await local.countConsumers(TURN, signal)) ?? 0) > 0);
    claim.resume();
  }
}

async function untilConsuming(claim: Consumer, signal: AbortSignal): Promise<void> {
  while (claim.state !== 'consuming') await wait(LOOK_EVERY_MS, undefined, { signal });
}
