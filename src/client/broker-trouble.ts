import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';

/** Why a broker cannot be used right now, in its own words. */
export interface BrokerTrouble {
  /** The latest reason; undefined when all is well, or nothing was heard of it yet. */
  readonly reason: string | undefined;
}

/** Listens to what a broker says of itself; `tell` hears each new reason, and undefined when it is over. */
export function watchTrouble(
  events: EventEmitter<BrokerEvents>,
  tell: (reason: string | undefined) => void = () => {},
): BrokerTrouble {
  let reason: string | undefined;

  // Each connection of a broker says it by itself.
  function become(next: string | undefined): void {
    if (next === reason) return;
    reason = next;
    tell(next);
  }

  events.on('connection:lost', (lost) => become(lost.reason));
  events.on('consumer:lost', (lost) => become(lost.reason));
  events.on('connection:blocked', (blocked) => become(`it takes no messages: ${blocked.reason}`));
  for (const over of ['connection:open', 'connection:unblocked', 'consumer:open'] as const) {
    events.on(over, () => become(undefined));
  }
  return {
    get reason() {
      return reason;
    },
  };
}
