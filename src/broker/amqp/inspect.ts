import { randomUUID } from 'node:crypto';
import type { ChannelModel } from 'amqplib';
import { type AckTimeoutSetter, ackTimeoutSetter } from './ack-timeout.ts';
import { closeChannel, onThrowAwayChannel, openConfirmChannel, reasonText, replyCode } from './channel.ts';
import { openConnection } from './connection.ts';
import { settledWithin, withinLimit } from '../limit.ts';
import { type AmqpOptions, urlText } from './options.ts';
import { queueArguments } from './queue-arguments.ts';
import { exchangeExists, queueExists } from './topology.ts';

const NOT_FOUND = 404;
/** An alarm of the broker holds publications back, which says nothing of who may publish. */
const PUBLISH_LIMIT_MS = 3_000;

/** What a broker says when asked before any work: see `inspectAmqp`. */
export interface Inspection {
  /** The URL that answered, without user and password; absent when none did. */
  readonly url?: string;
  /** Name and version of the broker's software, such as `RabbitMQ 3.10.8`. */
  readonly product?: string;
  /** Absent when no URL answered. */
  readonly ackTimeoutSetter?: AckTimeoutSetter;
  /** Why each URL could not be used, in words without secrets; empty when one could. */
  readonly problems: readonly string[];
  /** Why no reply can be published, in the broker's words; absent when one can, or when that took too long to tell. */
  readonly publishProblem?: string;
  /** Whether the exchange of the options is there; absent when they name none. */
  readonly hasExchange?: boolean;
  /** One for each queue of the options, in their order; empty when no URL answered. */
  readonly queues: readonly QueueInspection[];
}

/** One queue as the broker sees it. What AMQP cannot tell is absent: a policy's settings, for one. */
export interface QueueInspection {
  readonly queue: string;
  readonly exists: boolean;
  readonly messages?: number;
  readonly consumers?: number;
  /** `classic`, `quorum`, `stream`. */
  readonly type?: string;
  /** From the queue's own arguments; '' is the default exchange, null means that they have none. */
  readonly deadLetterExchange?: string | null;
  /** From the queue's own arguments, milliseconds. */
  readonly consumerTimeoutMs?: number;
  /** From the queue's own arguments: `reject-publish` … */
  readonly overflow?: string;
  /** Why the queue cannot be looked at, in the broker's words. */
  readonly problem?: string;
  /** Whether its dead-letter queue is there; absent when the options name none. */
  readonly hasDeadLetterQueue?: boolean;
}

/** Connects once and asks about each queue. Changes nothing at the broker, never rejects for what the broker says. */
export async function inspectAmqp(options: AmqpOptions): Promise<Inspection> {
  const problems: string[] = [];
  for (const url of options.urls) {
    try {
      const { model, destroy } = await openConnection(options, url, 'check');
      try {
        const { product, version } = model.connection.serverProperties;
        const queues: QueueInspection[] = [];
        for (const queue of options.queues.keys()) queues.push(await inspectQueue(model, queue, options));
        const publishProblem = await askToPublish(model);
        const { exchange } = options;
        return {
          url: urlText(url),
          product: `${product} ${version}`,
          ackTimeoutSetter: ackTimeoutSetter(version),
          problems: [],
          ...(publishProblem === undefined ? {} : { publishProblem }),
          ...(exchange === undefined ? {} : { hasExchange: await exchangeExists(model, exchange) }),
          queues,
        };
      } finally {
        await settledWithin(model.close(), options.connectTimeoutMs);
        destroy();
      }
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { problems, queues: [] };
}

/** Publishes to a queue that nobody can have, so that nothing comes of it. */
async function askToPublish(model: ChannelModel): Promise<string | undefined> {
  const { channel, ended } = await openConfirmChannel(model);
  const taken = new Promise<undefined>((resolve) => {
    channel.publish('', `rbit-ts.check.${randomUUID()}`, Buffer.alloc(0), {}, (error: unknown) => {
      if (error === null) resolve(undefined);
    });
  });
  const refused = ended.then(({ code, reason }) => (code === undefined ? undefined : reason));
  try {
    return await withinLimit(Promise.race([taken, refused]), PUBLISH_LIMIT_MS, 'publishing');
  } catch {
    return undefined;
  } finally {
    await closeChannel(channel, PUBLISH_LIMIT_MS);
  }
}

async function inspectQueue(
  model: ChannelModel,
  queue: string,
  options: AmqpOptions,
): Promise<QueueInspection> {
  try {
    const { messageCount, consumerCount } = await onThrowAwayChannel(
      model,
      `looking for ${queue}`,
      (channel) => channel.checkQueue(queue),
    );
    const known = await queueArguments(model, queue);
    const deadLetter = options.queues.get(queue)?.deadLetter;
    return {
      queue,
      exists: true,
      messages: messageCount,
      consumers: consumerCount,
      ...known,
      ...(deadLetter === undefined ? {} : { hasDeadLetterQueue: await queueExists(model, deadLetter) }),
    };
  } catch (error) {
    const code = replyCode(error);
    if (code === NOT_FOUND) return { queue, exists: false };
    return { queue, exists: code !== undefined, problem: reasonText(error) };
  }
}
