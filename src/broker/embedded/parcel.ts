import type { Publication } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { encodeProperties } from './properties.ts';
import type { Changes, Tables } from './tables.ts';

/** A publication that is ready to be written down. */
export interface Parcel {
  /** True: the topic exchange. False: the default one, which leads to the queue of that name. */
  readonly isTopic: boolean;
  readonly routingKey: string;
  readonly properties: string;
  readonly body: Uint8Array;
}

/** Makes a parcel. Throws BrokerError when it can be posted nowhere, or its properties cannot be written. */
export function pack({ exchange, routingKey, properties, body }: Publication, topicExchange: string): Parcel {
  if (exchange !== '' && exchange !== topicExchange)
    throw new BrokerError('refused', `there is no exchange ${exchange}`);
  return { isTopic: exchange !== '', routingKey, properties: encodeProperties(properties, exchange), body };
}

/** Ids of the queues that a parcel reaches. */
export function destinations({ isTopic, routingKey }: Parcel, { queues }: Tables): number[] {
  if (isTopic) return queues.boundTo(routingKey);
  const queue = queues.find(routingKey);
  return queue === undefined ? [] : [queue];
}

/** Adds a parcel to those of the queues that it reaches that may have it. False: there is none. */
export function post(
  parcel: Parcel,
  tables: Tables,
  changes: Changes,
  mayHave: (queue: number) => boolean = () => true,
): boolean {
  const reached = destinations(parcel, tables).filter(mayHave);
  const { properties, body } = parcel;
  for (const queue of reached) {
    tables.messages.insert({ queue, due: 0, properties, body });
    changes.ready.add(queue);
  }
  return reached.length > 0;
}
