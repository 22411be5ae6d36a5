import type { Broker, Delivery, Message } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';
import type { Announcer } from '../job/events.ts';
import { factsOf } from './facts-of.ts';
import { deadLettersOf } from './local-queues.ts';

/** How long a dead letter waits in the file that the broker does not take. */
const RETRY_MS = 30_000;

export interface DeadLetterPumpOptions {
  readonly local: Broker;
  readonly remote: Broker;
  readonly events: Announcer;
  /** Name of a queue, and where its dead letters go at the broker: looked up for each. */
  readonly queue: string;
  readonly deadLetter: string;
  /** Name of the runner, for the log. */
  readonly runner: string;
  /** What was received as it may be sent again; the second, with less of it, is for when the first cannot be written down. */
  readonly copies: (message: Message) => readonly [Message, Message];
  /** Aborts when the broker is closed. */
  readonly closing: AbortSignal;
}

/** Brings the dead letters of one queue to the broker, each until it is confirmed. Begins when the file is open. */
export function pumpDeadLetters(options: DeadLetterPumpOptions): void {
  const { local, remote, events, queue, copies, closing } = options;
  let toldReason: string | undefined;

  async function send(message: Message): Promise<'routed' | 'unroutable'> {
    let [copy, bare] = copies(message);
    for (;;) {
      await remote.writable(closing);
      try {
        return await remote.publish({ exchange: '', routingKey: options.deadLetter, ...copy });
      } catch (error) {
        const kind = error instanceof BrokerError ? error.kind : undefined;
        if (kind === 'unencodable' && copy !== bare) copy = bare;
        else if (kind !== 'unavailable' && kind !== 'uncertain') throw error;
      }
    }
  }

  async function move(delivery: Delivery): Promise<void> {
    const { deadLetter, runner } = options;
    let reason = `there is no dead-letter queue ${deadLetter}`;
    try {
      const isThere = (await send(delivery.message)) === 'routed';
      if (
        isThere ||
        ((await remote.prepare(deadLetter, closing)) && (await send(delivery.message)) === 'routed')
      ) {
        toldReason = undefined;
        await delivery.ack();
        return;
      }
    } catch (error) {
      // When it is closed, the next daemon does it.
      if (closing.aborted) return;
      reason = error instanceof Error ? error.message : String(error);
    }
    if (reason !== toldReason) {
      const facts = { ...factsOf(delivery, runner), queue };
      events.emit('settle:stuck', { ...facts, disposal: 'dead-letter', reason, waitMs: RETRY_MS });
    }
    toldReason = reason;
    await delivery.requeue({ delayMs: RETRY_MS, headers: {} });
  }

  local.consume(deadLettersOf(queue), { prefetch: 1, onDelivery: (delivery) => void move(delivery) });
}
