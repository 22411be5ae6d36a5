import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import { createBackoff } from './backoff.ts';
import type { Connection } from './connection.ts';

export interface KeepOpenOptions {
  readonly connection: Connection;
  readonly maxDelayMs: number;
  /** Ends it all. */
  readonly signal: AbortSignal;
  /** Opens it once. `ended` resolves with the reason when it has gone. */
  readonly open: (model: ChannelModel) => Promise<{ readonly ended: Promise<string> }>;
  /** Told once for each reason since it was last open. */
  readonly onLost?: (reason: string, retryInMs: number) => void;
}

/**
 * Opens something on a connection, and again each time it has gone, with backoff; resolves when `signal` aborts.
 * As long as the connection itself is away it waits for that alone.
 */
export async function keepOpen(options: KeepOpenOptions): Promise<void> {
  const { connection, signal } = options;
  const backoff = createBackoff(options.maxDelayMs);
  const told = new Set<string>();
  while (!signal.aborted) {
    let reason: string;
    let model: ChannelModel | undefined;
    try {
      model = await connection.opened(signal);
      const { ended } = await options.open(model);
      backoff.succeeded();
      told.clear();
      reason = await ended;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (signal.aborted) return;
    const isConnectionLost = connection.model !== model;
    const retryInMs = isConnectionLost ? 0 : backoff.nextMs();
    if (!told.has(reason)) options.onLost?.(reason, retryInMs);
    told.add(reason);
    await delay(retryInMs, undefined, { signal }).catch(() => {});
  }
}
