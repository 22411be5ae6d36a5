import type { QueueOptions } from '../broker.ts';
import type { QueueTable } from './queue-table.ts';

/** Sees to it that a queue is there, and that what `facts` say leads to it, and nothing else. Returns its id. */
export function declareQueue(
  queues: QueueTable,
  name: string,
  facts: QueueOptions | undefined,
  owner: string,
): number {
  const isTemporary = facts?.temporary === true;
  const id = queues.findOrMake(name, isTemporary ? owner : undefined);
  if (facts !== undefined) queues.bind(id, facts.bind);
  return id;
}
