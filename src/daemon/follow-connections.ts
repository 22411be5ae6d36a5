import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';
import type { Connections } from '../http/connections.ts';

/** Tells `connections` from now on what a broker announces of its own. */
export function followConnections(
  events: EventEmitter<BrokerEvents>,
  connections: Omit<Connections, 'list'>,
): void {
  events.on('connection:wanted', ({ purpose }) => connections.wanted(purpose));
  events.on('connection:open', ({ purpose }) => connections.open(purpose));
  events.on('connection:lost', ({ purpose, reason }) => connections.lost(purpose, reason));
  events.on('connection:blocked', ({ purpose, reason }) => connections.blocked(purpose, reason));
  events.on('connection:unblocked', ({ purpose }) => connections.unblocked(purpose));
}
