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
    headers: Object.fromEntries(
      Object.entries({ ...kept.headers, ...headers }).filter(
        ([name, value]) => mayStay(name) && value !== undefined,
      ),
    ),
  };
  return { body: message.body, properties };
}

function mayStay(header: string): boolean {
  return header !== 'CC' && header !== 'BCC' && !TRACES_OF_THE_BROKER.test(header);
}

const SHORT_STRING_BYTES = 255;

/**
 * What is left of a message whose properties can be received but not sent again (amqplib decodes more than it
 * encodes: larger tables, texts that are not UTF-8, times beyond the year 275760): its body, `headers`, and the
 * properties that are surely good. `x-rbit-dropped` tells that there was more.
 */
export function bareCopyOf(
  { body, properties }: Message,
  headers: Readonly<Record<string, unknown>>,
): Message {
  const {
    headers: _headers,
    timestamp: _timestamp,
    userId: _user,
    expiration: _expiration,
    ...rest
  } = properties;
  const good = Object.entries(rest).filter(
    ([, value]) => typeof value !== 'string' || Buffer.byteLength(value) <= SHORT_STRING_BYTES,
  );
  const present = Object.entries(headers).filter(([, value]) => value !== undefined);
  return {
    body,
    properties: {
      ...Object.fromEntries(good),
      headers: { ...Object.fromEntries(present), 'x-rbit-dropped': true },
    },
  };
}
