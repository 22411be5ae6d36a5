import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';

/** Remembers what a broker announces of its losses: why a queue is not consumed now; undefined where it has not said. */
export function noteLosses(events: EventEmitter<BrokerEvents>): (queue: string) => string | undefined {
  const connections = new Map<string, string>();
  const consumers = new Map<string, string>();
  events.on('connection:lost', ({ purpose, reason }) => connections.set(purpose, reason));
  events.on('connection:open', ({ purpose }) => connections.delete(purpose));
  events.on('consumer:lost', ({ queue, reason }) => consumers.set(queue, reason));
  events.on('consumer:open', ({ queue }) => consumers.delete(queue));
  return (queue) => {
    const [disconnected] = connections.values();
    return disconnected === undefined ? consumers.get(queue) : `no connection: ${disconnected}`;
  };
}
