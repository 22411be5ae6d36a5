import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import { abortable } from '../abortable.ts';
import { BrokerError } from '../broker-error.ts';
import { createBackoff } from './backoff.ts';
import { reasonText, replyCode } from './channel.ts';
import type { Connection } from './connection.ts';

const RETRY_MAX_MS = 2000;

/**
 * Asks the broker over losses of the connection, until it answers. Rejects with `signal`'s reason; with BrokerError
 * 'refused' when the broker says no, 'unencodable' when the question cannot be written down: asking again is no use then.
 */
export async function requestPersistently<T>(
  connection: Connection,
  signal: AbortSignal,
  request: (model: ChannelModel) => Promise<T>,
): Promise<T> {
  const backoff = createBackoff(RETRY_MAX_MS);
  for (;;) {
    const model = await openedOrReason(connection, signal);
    try {
      return await abortable(request(model), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (replyCode(error) !== undefined)
        throw new BrokerError('refused', reasonText(error), { cause: error });
      // amqplib encodes before it writes.
      if (error instanceof TypeError || error instanceof RangeError)
        throw new BrokerError('unencodable', error.message, { cause: error });
    }
    await delay(backoff.nextMs(), undefined, { signal }).catch(() => {});
  }
}

async function openedOrReason(connection: Connection, signal: AbortSignal): Promise<ChannelModel> {
  signal.throwIfAborted();
  try {
    return await connection.opened(signal);
  } finally {
    signal.throwIfAborted();
  }
}
