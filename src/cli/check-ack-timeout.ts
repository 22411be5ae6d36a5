import { type AckTimeoutSetter, DEFAULT_ACK_TIMEOUT_MS } from '../broker/amqp/ack-timeout.ts';
import type { QueueInspection } from '../broker/amqp/inspect.ts';
import type { RunnerConfig } from '../config/config.ts';
import { formatDuration } from '../job/duration.ts';

/** What is known of one queue's acknowledgement timeout. */
export interface AckTimeoutFacts {
  readonly queue: Pick<QueueInspection, 'queue' | 'exists' | 'consumerTimeoutMs'>;
  /** Whether the daemon may make the queue if it is missing. */
  readonly mayBeMade: boolean;
  readonly vhost: string;
  /** What the daemon asks for, `QueueOptions.ackTimeoutMs`. */
  readonly askedMs: number | undefined;
  readonly setter: AckTimeoutSetter;
}

/** The timeout that will hold. `by` the daemon, which asks for it; an argument of the queue; or the broker, where it is a guess. */
export interface HoldingTimeout {
  readonly ms: number;
  readonly by: 'daemon' | 'queue' | 'broker';
}

/** What will hold, as far as AMQP can tell: a policy and the broker's own configuration stay unseen. */
export function holdingTimeout({ queue, mayBeMade, askedMs, setter }: AckTimeoutFacts): HoldingTimeout {
  const isSetAnew = setter === 'consumer' || (setter === 'queue' && !queue.exists && mayBeMade);
  if (isSetAnew && askedMs !== undefined) return { ms: askedMs, by: 'daemon' };
  if (queue.consumerTimeoutMs !== undefined && setter !== 'broker')
    return { ms: queue.consumerTimeoutMs, by: 'queue' };
  return { ms: DEFAULT_ACK_TIMEOUT_MS, by: 'broker' };
}

/** A cell of the table: `2h4m`, or `broker's (30m)` where it is a guess. */
export function holdingText({ ms, by }: HoldingTimeout): string {
  return by === 'broker' ? `broker's (${formatDuration(ms)})` : formatDuration(ms);
}

/** One line on a runner whose jobs may outlast the timeout, with the cure; undefined when none can. */
export function ackTimeoutWarning(facts: AckTimeoutFacts, runner: RunnerConfig): string | undefined {
  const { ms, by } = holdingTimeout(facts);
  const { name, timeoutMs } = runner;
  if (runner.ack === 'receipt' || by === 'daemon' || (timeoutMs ?? Infinity) < ms) return undefined;
  const timeout = timeoutMs === undefined ? 'none' : formatDuration(timeoutMs);
  const unseen = facts.setter === 'broker' ? 'its rabbitmq.conf' : 'a policy or its rabbitmq.conf';
  const guess = by === 'broker' ? ` (RabbitMQ's default; ${unseen} may say otherwise)` : '';
  return (
    `queue ${facts.queue.queue}: timeout = ${timeout} of runner ${name} is not below the acknowledgement timeout of ` +
    `${formatDuration(ms)}${guess}: a longer job's message is handed out again while it runs, and another daemon would ` +
    `run it, too. Either ${cure(facts, by)}, or set a smaller timeout, or ack = receipt`
  );
}

function cure({ queue, vhost, askedMs, setter }: AckTimeoutFacts, by: HoldingTimeout['by']): string {
  const ms = askedMs ?? DEFAULT_ACK_TIMEOUT_MS;
  if (setter === 'broker') return `put consumer_timeout = ${ms} into rabbitmq.conf`;
  // Of an argument and a policy the smaller one holds.
  if (by === 'queue') return `make the queue anew with x-consumer-timeout = ${ms}`;
  const words = [
    ...(vhost === '/' ? [] : ['-p', quoted(vhost)]),
    quoted(`rbit-ts ${queue.queue}`),
    quoted(`^${queue.queue.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`),
    quoted(JSON.stringify({ 'consumer-timeout': ms })),
  ];
  return `run: rabbitmqctl set_policy --apply-to queues ${words.join(' ')}`;
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
