import type { ChannelModel } from 'amqplib';

/** How long the number of a channel that is gone is not given to another. */
const REST_MS = 5000;

interface Inside {
  readonly channels: readonly unknown[];
  readonly freeChannels: { set(number: number): void; clear(number: number): void };
  accept(frame: { readonly channel: number }): void;
  releaseChannel(number: number): void;
}

/**
 * RabbitMQ up to 4.2 goes on talking on a channel that it has closed for an acknowledgement timeout, until it has the
 * answer: it hands out messages of quorum queues, and closes the channel again at its next tick, of which there may be
 * two at once. amqplib ends the whole connection for such a frame, with the channels of all other queues, or takes it
 * for one of the next channel that gets the number. Here it is not heard, and numbers rest before they are used again.
 */
export function ignoreLateFrames(model: ChannelModel): void {
  const connection = model.connection as unknown as Inside;
  const accept = connection.accept.bind(connection);
  // As long as the connection is open: amqplib sets another one when it begins to close.
  connection.accept = (frame) => {
    if ((connection.channels[frame.channel] ?? null) !== null) accept(frame);
  };
  const release = connection.releaseChannel.bind(connection);
  connection.releaseChannel = (number) => {
    release(number);
    connection.freeChannels.set(number);
    setTimeout(() => connection.freeChannels.clear(number), REST_MS).unref();
  };
}
