import type { ChannelModel } from 'amqplib';
import { onThrowAwayChannel, reasonText, replyCode } from './channel.ts';

const INEQUIVALENT = 406;
/** More than RabbitMQ has queue arguments that it compares. */
const MOST_TRIES = 20;
/** RabbitMQ knows no such type: a declaration with it is refused whether the queue is there or not. */
const NO_TYPE = 'rbit-ts-inspection';

/** What a queue's own arguments say; absent what could not be found out. */
export interface QueueArguments {
  readonly type?: string;
  readonly deadLetterExchange?: string | null;
  readonly consumerTimeoutMs?: number;
  /** What becomes of messages that are too many for it: `drop-head`, `reject-publish` … */
  readonly overflow?: string;
}

/**
 * AMQP has no question for a queue's arguments, but RabbitMQ names the first one in which a declaration differs
 * from what is there. So: declare, learn one argument, declare with it, until it differs only in the
 * type, which it does on purpose. Nothing is ever declared by this, not even if the queue goes meanwhile.
 */
export async function queueArguments(model: ChannelModel, queue: string): Promise<QueueArguments> {
  const found = new Map<string, string | number>();
  const flags = { durable: true, autoDelete: false };
  for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
    const difference = await firstDifference(model, queue, flags, Object.fromEntries(found));
    if (difference === undefined) return {};
    const { argument, current } = difference;
    if (argument === 'x-queue-type') return summary(found, current ?? 'classic');
    if (argument === 'durable') flags.durable = current === 'true';
    else if (argument === 'auto_delete') flags.autoDelete = current === 'true';
    else if (current === undefined || found.has(argument)) return {};
    else found.set(argument, current);
  }
  return {};
}

function summary(found: ReadonlyMap<string, string | number>, type: string | number): QueueArguments {
  const timeout = found.get('x-consumer-timeout');
  const overflow = found.get('x-overflow');
  const exchange = found.get('x-dead-letter-exchange');
  return {
    type: String(type),
    deadLetterExchange: exchange === undefined ? null : String(exchange),
    ...(typeof timeout === 'number' ? { consumerTimeoutMs: timeout } : {}),
    ...(overflow === undefined ? {} : { overflow: String(overflow) }),
  };
}

async function firstDifference(
  model: ChannelModel,
  queue: string,
  flags: { readonly durable: boolean; readonly autoDelete: boolean },
  known: Readonly<Record<string, unknown>>,
): Promise<{ argument: string; current: string | number | undefined } | undefined> {
  try {
    await onThrowAwayChannel(model, `inspecting ${queue}`, (channel) =>
      channel.assertQueue(queue, { ...flags, arguments: { ...known, 'x-queue-type': NO_TYPE } }),
    );
    return undefined;
  } catch (error) {
    if (replyCode(error) !== INEQUIVALENT) return undefined;
    return parseDifference(reasonText(error));
  }
}

/**
 * RabbitMQ's words, one of:
 *   inequivalent arg 'A' for queue 'Q' in vhost 'V': received … but current is none
 *   inequivalent arg 'A' for queue 'Q' in vhost 'V': received … but current is 'VALUE'
 *   inequivalent arg 'A' for queue 'Q' in vhost 'V': received … but current is the value 'VALUE' of type 'TYPE'
 */
function parseDifference(
  words: string,
): { argument: string; current: string | number | undefined } | undefined {
  const argument = /inequivalent arg '([^']+)'/.exec(words)?.[1];
  const current = /but current is (?:none|(?:the value )?'(.*?)'(?: of type '([a-z0-9]+)')?)$/s.exec(words);
  if (argument === undefined || current === null) return undefined;
  const [, value, type] = current;
  const isNumber = value !== undefined && type !== undefined && type !== 'longstr' && /^-?\d+$/.test(value);
  return { argument, current: isNumber ? Number(value) : value };
}
