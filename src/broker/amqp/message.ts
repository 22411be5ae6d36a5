import type { Message as AmqpMessage, Options } from 'amqplib';
import type { Message, MessageProperties, Publication } from '../broker.ts';

const PERSISTENT = 2;

/** What amqplib delivered, in the port's words. Typed header values stay in amqplib's form (`{'!': 'timestamp', value}`). */
export function toMessage(raw: AmqpMessage): Message {
  const { headers, deliveryMode, timestamp, ...rest } = raw.properties;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const properties: Partial<Record<keyof MessageProperties, unknown>> = {
    contentType: text(rest.contentType),
    contentEncoding: text(rest.contentEncoding),
    // amqplib makes a header named __proto__ the prototype of the others.
    headers: { ...headers },
    persistent: typeof deliveryMode === 'number' ? deliveryMode === PERSISTENT : undefined,
    priority: typeof rest.priority === 'number' ? rest.priority : undefined,
    correlationId: text(rest.correlationId),
    replyTo: text(rest.replyTo),
    expiration: text(rest.expiration),
    messageId: text(rest.messageId),
    // AMQP counts seconds.
    timestamp: typeof timestamp === 'number' ? timestamp * 1000 : undefined,
    type: text(rest.type),
    userId: text(rest.userId),
    appId: text(rest.appId),
  };
  return { body: raw.content, properties: withoutUndefined(properties) };
}

/** RabbitMQ returns what goes to such a queue although it delivers it (Direct Reply-to). */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to.';

/** What amqplib's `publish` takes. Each publication is mandatory, so that the broker says when no queue took it. */
export function toPublishOptions({ properties, routingKey }: Publication): Options.Publish {
  const { timestamp, ...rest } = properties;
  return {
    ...rest,
    ...(timestamp === undefined ? {} : { timestamp: Math.floor(timestamp / 1000) }),
    mandatory: !routingKey.startsWith(DIRECT_REPLY),
  };
}

function withoutUndefined(properties: Partial<Record<keyof MessageProperties, unknown>>): MessageProperties {
  const present: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties)) if (value !== undefined) present[name] = value;
  return { headers: {}, ...present };
}
