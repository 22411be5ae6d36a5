import { reasonText, replyCode } from './channel.ts';
import { durationText } from './duration-text.ts';
import { isSince } from './version.ts';

/*
 * RabbitMQ takes a delivery back that was not acknowledged in time (30 minutes), whatever its job is doing. Who can
 * ask for more, by version:
 *
 *   before 3.12     nobody: `consumer_timeout` in rabbitmq.conf holds for all queues
 *   3.12 to 4.2     an argument of the queue when it is made; a policy. The channel is closed with 406
 *   from 4.3 on     an argument of the consumer, before all others. That consumer alone is cancelled. Classic queues
 *                   have no such timeout, and from 4.3.2 on refuse the argument
 *
 * What a version does not know it ignores. AMQP has no question for the timeout that holds.
 */
export const ACK_TIMEOUT_ARGUMENT = 'x-consumer-timeout';

/** RabbitMQ's own, unless it is configured to another. */
export const DEFAULT_ACK_TIMEOUT_MS = 30 * 60_000;

/** Who decides how long a delivery may stay unacknowledged, as far as our asking for it goes. */
export type AckTimeoutSetter = 'broker' | 'queue' | 'consumer';

/** Whose word counts in this version of RabbitMQ (`4.2.1`); a version that nobody can read is taken for an old one. */
export function ackTimeoutSetter(version: string): AckTimeoutSetter {
  if (isSince(version, 4, 3)) return 'consumer';
  return isSince(version, 3, 12) ? 'queue' : 'broker';
}

/** The argument as a consumer or a queue takes it; none for the broker's own timeout. */
export function ackTimeoutArgument(ackTimeoutMs: number | undefined): Record<string, number> {
  return ackTimeoutMs === undefined ? {} : { [ACK_TIMEOUT_ARGUMENT]: ackTimeoutMs };
}

/**
 * Makes a request with the argument, and again without if the broker takes it for invalid: a timeout that is too
 * short costs less than a queue that nobody works. Rejects as `request` does.
 */
export async function offerAckTimeout<T>(
  ackTimeoutMs: number | undefined,
  request: (queueArguments: Readonly<Record<string, number>>) => Promise<T>,
): Promise<T> {
  try {
    return await request(ackTimeoutArgument(ackTimeoutMs));
  } catch (error) {
    if (ackTimeoutMs === undefined || !isRefusalOfArgument(error)) throw error;
    return request({});
  }
}

const INVALID = 406;

function isRefusalOfArgument(error: unknown): boolean {
  return replyCode(error) === INVALID && reasonText(error).includes(`invalid arg '${ACK_TIMEOUT_ARGUMENT}'`);
}

/** RabbitMQ's words for the end of a channel; for a timed-out acknowledgement in words that lead to the fix. */
export function lossText(reason: string): string {
  const timeout =
    /delivery acknowledgement on channel \d+ timed out(?:\. Timeout value used: (\d+) ms)?/.exec(reason);
  if (timeout === null) return reason;
  const value = timeout[1] === undefined ? '' : ` of ${durationText(Number(timeout[1]))}`;
  return (
    `a job takes longer than RabbitMQ's acknowledgement timeout${value}; it runs on, and its message, which comes ` +
    'again, joins it (how to have a longer one: rbit-ts check --connect)'
  );
}
