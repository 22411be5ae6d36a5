import type { Message, MessageProperties } from '../broker.ts';

const TRACES_OF_THE_BROKER =
  /^(x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|x-acquired-count|x-opt-.*)$/;

/**
 * A message as it may be published again: the same but for what would change its way.
 * - the broker's own traces: with `x-death`, RabbitMQ before 4.0.1 takes a copy that expires for one that
 *   goes in circles, and drops it;
 * - CC and BCC would have it routed to queues that the message names;
 * - `expiration` was meant for the first wait, and would let it vanish during this one;
 * - `userId` of somebody else is refused.
 */
export function copyOf(message: Message, headers: Readonly<Record<string, unknown>>): Message {
  const { userId: _userId, expiration: _expiration, ...kept } = message.properties;
  const properties: MessageProperties = {
    ...kept,
    headers: {
      ...Object.fromEntries(Object.entries(kept.headers).filter(([name]) => mayStay(name))),
      ...headers,
    },
  };
  return { body: message.body, properties };
}

function mayStay(header: string): boolean {
  return header !== 'CC' && header !== 'BCC' && !TRACES_OF_THE_BROKER.test(header);
}
