import type { Delivery } from '../broker/broker.ts';
import type { RunFacts } from '../job/events.ts';
import { readHistory } from '../protocol/history.ts';

/** Which job a message is about, for the log, as far as it can be told without reading the body. */
export function factsOf({ queue, message }: Delivery, runner: string): RunFacts {
  const { attempt, id = 'without an id' } = readHistory(message);
  const { correlationId, messageId } = message.properties;
  return { queue, runner, id: correlationId || messageId || id, attempt };
}
