import type { Delivery, MessageProperties } from '../../src/broker/broker.ts';

/** A delivery to be looked at: it belongs to no broker and cannot be settled. */
export function deliveryOf(
  body: unknown,
  properties: Partial<MessageProperties> = {},
  redelivered = false,
): Delivery {
  const content = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const settle = (): never => {
    throw new Error('this delivery belongs to no broker');
  };
  return {
    queue: 'jobs',
    exchange: '',
    message: { body: content, properties: { headers: {}, ...properties } },
    redelivered,
    crashes: 0,
    blame: async () => {},
    isLost: false,
    isReachable: async () => true,
    ack: settle,
    requeue: settle,
    deadLetter: settle,
  };
}
