import type { EventEmitter } from 'node:events';
import type { Channel, ChannelModel } from 'amqplib';
import type { BrokerEvents, Publication } from '../broker.ts';
import { openChannel } from './channel.ts';
import type { Connection } from './connection.ts';
import { keepOpen } from './keep-open.ts';
import { toPublishOptions } from './message.ts';
import { exchangeExists } from './topology.ts';

/** Publications that may be lost: unconfirmed, on a channel of their own. */
export interface LoosePublisher {
  start(): void;
  /** As `Broker.publishLoosely`. */
  publish(publication: Publication): boolean;
  close(): void;
}

export interface LoosePublisherOptions {
  readonly connection: Connection;
  readonly events: EventEmitter<BrokerEvents>;
  readonly maxDelayMs: number;
  /** Declares what may be declared before anything is published. */
  readonly prepare: (model: ChannelModel) => Promise<void>;
}

/**
 * The broker answers a publication to a missing exchange by closing the channel. It is opened again only
 * when that exchange is there, so that an outage is one event and not one for each line.
 */
export function createLoosePublisher(options: LoosePublisherOptions): LoosePublisher {
  const { connection, events } = options;
  const closing = new AbortController();
  const missing = new Set<string>();
  let channel: Channel | undefined;
  let isCongested = false;
  let running: Promise<void> | undefined;

  async function open(model: ChannelModel): Promise<{ ended: Promise<string> }> {
    await options.prepare(model);
    for (const exchange of missing) {
      if (!(await exchangeExists(model, exchange))) throw new Error(missingText(exchange));
      missing.delete(exchange);
    }
    const opened = await openChannel(model);
    opened.channel.on('drain', () => {
      isCongested = false;
    });
    channel = opened.channel;
    isCongested = false;
    return {
      ended: opened.ended.then(({ reason }) => {
        channel = undefined;
        const exchange = /no exchange '(.*)' in vhost/.exec(reason)?.[1];
        if (exchange === undefined) return reason;
        missing.add(exchange);
        return missingText(exchange);
      }),
    };
  }

  return {
    start() {
      running ??= keepOpen({
        connection,
        maxDelayMs: options.maxDelayMs,
        signal: closing.signal,
        open,
        onLost: (reason, retryInMs) => {
          // That the connection is away is an event of its own.
          if (connection.model !== undefined) events.emit('output:lost', { reason, retryInMs });
        },
      });
    },
    publish(publication) {
      const { exchange, routingKey, body } = publication;
      if (channel === undefined || isCongested || connection.isBlocked) return false;
      try {
        const loosely = { ...toPublishOptions(publication), mandatory: false };
        isCongested = !channel.publish(exchange, routingKey, body, loosely);
        return true;
      } catch {
        // Cannot be encoded, or the channel is closing.
        return false;
      }
    },
    close() {
      closing.abort();
    },
  };
}

function missingText(exchange: string): string {
  return `there is no exchange ${exchange}`;
}
