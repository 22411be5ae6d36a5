import { DEFAULT_ACK_TIMEOUT_MS } from '../broker/amqp/ack-timeout.ts';
import type { RunnerConfig } from '../config/config.ts';

const MINUTE_MS = 60_000;
/** For what follows a run: its reply has to be confirmed and its message settled, which may take a few tries. */
const SETTLING_MS = 4 * MINUTE_MS;
/** RabbitMQ counts in 32 bits. */
const LONGEST_MS = 24 * 86_400_000;

/**
 * How long a delivery of one of the `queues` queues of a runner may stay unacknowledged, milliseconds, in whole minutes.
 * Undefined: no longer than RabbitMQ waits anyway. Nothing is asked for then, so that with default settings a queue is
 * made without arguments, and programs that declare it as no more than durable get on with it.
 */
export function ackTimeoutOf(runner: RunnerConfig, queues: number): number | undefined {
  // Then its messages are acknowledged before they are worked.
  if (runner.ack === 'receipt') return undefined;
  const runMs = (runner.timeoutMs ?? Infinity) + runner.killGraceMs;
  if (runMs + SETTLING_MS <= DEFAULT_ACK_TIMEOUT_MS) return undefined;
  // Queues that share a runner share its slots: a delivery may wait for a run of each of the others.
  return Math.min(Math.ceil((queues * runMs + SETTLING_MS) / MINUTE_MS) * MINUTE_MS, LONGEST_MS);
}
