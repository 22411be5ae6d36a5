import { createHash } from 'node:crypto';
import type { Message, MessageProperties } from '../broker/broker.ts';
import { FOLLOW_HEADER, HISTORY_PREFIX } from '../protocol/history.ts';

/*
 * A message that nobody could work, as it lies on a dead-letter queue: body and properties are those it had, and
 * the headers tell of its death. They are rbit-ts's own (`x-rbit-reason`, `x-rbit-died-at` …), or the broker's
 * (`x-death`) where a queue's own policy has dead-lettered it. Both come from outside: whatever is not plausible
 * counts as not there.
 */
export interface DeadLetter {
  /** 8 hexadecimal digits over what stays the same as long as the message, or a copy of it, lies there; equal messages share one. */
  readonly id: string;
  /** Correlation id, else message id. */
  readonly job?: string;
  /** The queue it died on. */
  readonly queue?: string;
  readonly runner?: string;
  /** Which run of its job was the last. */
  readonly attempt?: number;
  readonly reason?: string;
  /** ISO 8601. */
  readonly diedAt?: string;
  /** Size of the body. */
  readonly bytes: number;
}

/** What a message on a dead-letter queue tells of itself. */
export function readDeadLetter({ body, properties }: Message): DeadLetter {
  const { headers, correlationId, messageId } = properties;
  const broker = readBrokersDeath(headers['x-death']);
  const job = correlationId || messageId;
  const attempt = headers['x-rbit-attempt'];
  const told: Partial<Record<keyof DeadLetter, unknown>> = {
    job,
    queue: textOf(headers['x-rbit-queue']) ?? broker.queue,
    runner: textOf(headers['x-rbit-runner']),
    attempt: typeof attempt === 'number' ? attempt : undefined,
    reason: textOf(headers['x-rbit-reason']) ?? broker.reason,
    diedAt: textOf(headers['x-rbit-died-at']) ?? broker.diedAt,
  };
  const id = createHash('sha256')
    .update(JSON.stringify([messageId, correlationId, told.diedAt]))
    .update(body)
    .digest('hex')
    .slice(0, 8);
  const known = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
  return { id, ...known, bytes: body.length };
}

/** The headers that tell a copy what is known of the death: the broker's own record of it does not come along. */
export function deathHeaders(message: Message): Record<string, unknown> {
  const { queue, runner, attempt, reason, diedAt } = readDeadLetter(message);
  const told = {
    'x-rbit-queue': queue,
    'x-rbit-runner': runner,
    'x-rbit-attempt': attempt,
    'x-rbit-reason': reason,
    'x-rbit-died-at': diedAt,
  };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

/** Whether `wanted` names this message: by its own id or by its job's. */
export function isNamed(letter: DeadLetter, wanted: string): boolean {
  return letter.id === wanted || letter.job === wanted;
}

/** What RabbitMQ adds as it dead-letters, and headers that would send a message elsewhere. */
const LEFT_BEHIND =
  /^(x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|x-acquired-count|x-opt-.*|CC|BCC)$/;
/**
 * The properties with which a dead message lives again: all that it had, without what tells of its death or of its
 * runs. A user id is the broker's proof of who sent it, which is us now; an expiration was meant for its first wait.
 */
export function propertiesForRetry(properties: MessageProperties): MessageProperties {
  const { userId: _userId, expiration: _expiration, ...kept } = properties;
  const headers = Object.entries(kept.headers).filter(
    ([name]) => name === FOLLOW_HEADER || !(name.startsWith(HISTORY_PREFIX) || LEFT_BEHIND.test(name)),
  );
  return { ...kept, headers: Object.fromEntries(headers) };
}

/** RabbitMQ's own record: a list, the newest death first, with times in seconds. */
function readBrokersDeath(deaths: unknown): { queue?: string; reason?: string; diedAt?: string } {
  const newest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (typeof newest !== 'object' || newest === null) return {};
  const { queue, reason, time } = newest as Record<string, unknown>;
  const seconds = typeof time === 'object' && time !== null && 'value' in time ? time.value : time;
  const diedAt = typeof seconds === 'number' ? new Date(seconds * 1000) : undefined;
  return {
    ...(typeof queue === 'string' ? { queue } : {}),
    ...(typeof reason === 'string' ? { reason: `dead-lettered by the broker: ${reason}` } : {}),
    ...(diedAt !== undefined && !Number.isNaN(diedAt.getTime()) ? { diedAt: diedAt.toISOString() } : {}),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
