import { setTimeout as wait } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import type { Rabbitmq } from '../test/support/rabbitmq.ts';
import { now } from './clock.ts';

const KNOCK_MS = 5;
const HANDSHAKE_LIMIT_MS = 2000;

/** Starts the broker and knocks until it opens: resolves with the first connection that it takes, and when. */
export async function startAgain(rabbitmq: Rabbitmq): Promise<{ connection: ChannelModel; at: number }> {
  const starting = new AbortController();
  const knocking = (async () => {
    while (!starting.signal.aborted) {
      try {
        const connection = await connect(rabbitmq.url, { timeout: HANDSHAKE_LIMIT_MS, noDelay: true });
        connection.on('error', () => {});
        return { connection, at: now() };
      } catch {
        await wait(KNOCK_MS);
      }
    }
    throw new Error('RabbitMQ took no connection');
  })();
  knocking.catch(() => {});
  await rabbitmq.restart().catch((error: unknown) => {
    starting.abort();
    throw error;
  });
  return knocking;
}
