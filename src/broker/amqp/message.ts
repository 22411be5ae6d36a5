import type { Message as AmqpMessage, Options } from 'amqplib';
import type { Message, MessageProperties, Publication } from '../broker.ts';

const PERSISTENT = 2;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What amqplib delivered, in the port's words. Typed header values stay in amqplib's form (`{'!': 'timestamp', value}`). */
export function toMessage(raw: AmqpMessage): Message {
  const { headers, deliveryMode, priority, timestamp } = raw.properties;
  const { contentType, contentEncoding, correlationId, replyTo, expiration, messageId } = raw.properties;
  const { type, userId, appId } = raw.properties;
  const properties: Writable<MessageProperties> = {
    // amqplib makes a header named __proto__ the prototype of the others.
    headers: { ...headers },
  };
  if (typeof contentType === 'string') properties.contentType = contentType;
  if (typeof contentEncoding === 'string') properties.contentEncoding = contentEncoding;
  if (typeof correlationId === 'string') properties.correlationId = correlationId;
  if (typeof replyTo === 'string') properties.replyTo = replyTo;
  if (typeof expiration === 'string') properties.expiration = expiration;
  if (typeof messageId === 'string') properties.messageId = messageId;
  if (typeof type === 'string') properties.type = type;
  if (typeof userId === 'string') properties.userId = userId;
  if (typeof appId === 'string') properties.appId = appId;
  if (typeof deliveryMode === 'number') properties.persistent = deliveryMode === PERSISTENT;
  if (typeof priority === 'number') properties.priority = priority;
  // AMQP counts seconds.
  if (typeof timestamp === 'number') properties.timestamp = timestamp * 1000;
  return { body: raw.content, properties };
}

/** RabbitMQ returns what goes to such a queue although it delivers it (Direct Reply-to). */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to.';

/** What amqplib's `publish` takes. Each publication is mandatory, so that the broker says when no queue took it. */
export function toPublishOptions({ properties, routingKey }: Publication): Options.Publish {
  const { timestamp } = properties;
  const options: Options.Publish = { ...properties, mandatory: !routingKey.startsWith(DIRECT_REPLY) };
  if (timestamp !== undefined) options.timestamp = Math.floor(timestamp / 1000);
  return options;
}
