import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { serverWords } from './connect-error.ts';
import { REQUEST_LIMIT_MS, settledWithin, withinLimit } from '../limit.ts';

/** Why a channel closed: RabbitMQ's code (404, 406 …; none when the connection went) and its words. */
export interface ChannelEnd {
  readonly code: number | undefined;
  readonly reason: string;
}

/** A channel whose errors are listened to: without that, one channel's error takes the whole connection down. */
export interface WatchedChannel<C extends Channel> {
  readonly channel: C;
  readonly ended: Promise<ChannelEnd>;
}

/** Opens a plain channel. */
export async function openChannel(model: ChannelModel): Promise<WatchedChannel<Channel>> {
  return watched(await withinLimit(model.createChannel(), REQUEST_LIMIT_MS, 'opening a channel'));
}

/** Opens a channel on which the broker confirms each publication. */
export async function openConfirmChannel(model: ChannelModel): Promise<WatchedChannel<ConfirmChannel>> {
  return watched(await withinLimit(model.createConfirmChannel(), REQUEST_LIMIT_MS, 'opening a channel'));
}

/** Runs one request on a channel of its own, which is what the broker closes when it refuses. */
export async function onThrowAwayChannel<T>(
  model: ChannelModel,
  what: string,
  request: (channel: Channel) => Promise<T>,
): Promise<T> {
  const { channel } = await openChannel(model);
  try {
    return await withinLimit(request(channel), REQUEST_LIMIT_MS, what);
  } finally {
    await closeChannel(channel, REQUEST_LIMIT_MS);
  }
}

/** Closes a channel, whatever state it is in. */
export async function closeChannel(channel: Channel, limitMs: number): Promise<void> {
  try {
    // amqplib never answers a close when the connection goes meanwhile.
    const gone = new Promise((resolve) => channel.once('close', resolve));
    await settledWithin(Promise.race([channel.close(), gone]), limitMs);
  } catch {
    // It was closed already.
  }
}

/** RabbitMQ's reply code out of an error of amqplib. */
export function replyCode(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** RabbitMQ's own words out of an error of amqplib. */
export function reasonText(error: unknown): string {
  return error instanceof Error ? serverWords(error.message) : String(error);
}

const ends = new WeakMap<Channel, Promise<ChannelEnd>>();

/** Listens to a channel from its birth, before it asks the broker for anything. */
export function watch(channel: Channel): void {
  const ended = Promise.withResolvers<ChannelEnd>();
  channel.on('error', (error) => ended.resolve({ code: replyCode(error), reason: reasonText(error) }));
  channel.on('close', () => ended.resolve({ code: undefined, reason: 'the connection was lost' }));
  ends.set(channel, ended.promise);
}

function watched<C extends Channel>(channel: C): WatchedChannel<C> {
  const ended = ends.get(channel);
  if (ended === undefined) throw new TypeError('a channel of another amqplib');
  return { channel, ended };
}
