import { type Inspection, inspectAmqp, type QueueInspection } from '../broker/amqp/inspect.ts';
import type { AmqpConfig, Config } from '../config/config.ts';
import { amqpOptions } from '../daemon/amqp-options.ts';
import { queueOptions } from '../daemon/make-broker.ts';
import { formatDuration } from '../job/duration.ts';
import { EXIT } from './exit-codes.ts';
import { table } from './terminal/table.ts';

/** RabbitMQ's own acknowledgement timeout, which AMQP cannot ask for. */
const BROKER_TIMEOUT_MS = 30 * 60_000;

/** Asks RabbitMQ, prints what it says of each queue; sets exit status 69 when it cannot be used. Changes nothing there. */
export async function checkBroker(config: Config, amqp: AmqpConfig): Promise<void> {
  const inspection = await inspectAmqp(await amqpOptions(config, amqp, queueOptions(config.queues)));
  if (inspection.url === undefined) {
    for (const problem of inspection.problems) say(config, `error: ${problem}`);
    process.exitCode = EXIT.brokerUnusable;
    return;
  }
  process.stdout.write(`\n${inspection.product ?? 'broker'} at ${inspection.url}\n`);
  process.stdout.write(
    table(
      ['queue', 'exists', 'type', 'messages', 'consumers', 'dead letters', 'ack timeout'],
      rows(config, amqp, inspection),
    ),
  );
  for (const queue of inspection.queues) complain(config, amqp, queue);
}

function rows({ queues }: Config, amqp: AmqpConfig, inspection: Inspection): string[][] {
  const absent = amqp.declare === 'if-missing' ? 'made when needed' : 'missing';
  return inspection.queues.map((queue) => [
    queue.queue,
    queue.exists ? 'yes' : 'no',
    queue.type ?? '-',
    String(queue.messages ?? '-'),
    String(queue.consumers ?? '-'),
    `${queues.get(queue.queue)?.deadLetter ?? '-'}${queue.hasDeadLetterQueue === true ? '' : ` (${absent})`}`,
    queue.consumerTimeoutMs === undefined ? "broker's (30m)" : formatDuration(queue.consumerTimeoutMs),
  ]);
}

function complain(config: Config, amqp: AmqpConfig, queue: QueueInspection): void {
  const willBeMade = amqp.declare === 'if-missing';
  if (queue.problem !== undefined || (!queue.exists && !willBeMade)) {
    say(
      config,
      `error: queue ${queue.queue}: ${queue.problem ?? 'does not exist, and may not be created (declare)'}`,
    );
    process.exitCode = EXIT.brokerUnusable;
  } else if (!queue.exists) {
    say(config, `note: queue ${queue.queue} does not exist yet; the daemon will create it`);
  }
  if (queue.hasDeadLetterQueue !== true && !willBeMade) {
    say(
      config,
      `warning: queue ${queue.queue} has no dead-letter queue: create it, or set declare = if-missing`,
    );
  }
  const runner = config.runners.get(config.mappings.get(queue.queue) ?? '');
  const ackTimeoutMs = queue.consumerTimeoutMs ?? BROKER_TIMEOUT_MS;
  if (runner !== undefined && (runner.timeoutMs ?? Infinity) >= ackTimeoutMs) {
    const timeout = runner.timeoutMs === undefined ? 'none' : formatDuration(runner.timeoutMs);
    say(
      config,
      `warning: queue ${queue.queue}: timeout = ${timeout} of runner ${runner.name} is not below the acknowledgement ` +
        `timeout of ${formatDuration(ackTimeoutMs)}: a longer job is handed out again while it runs`,
    );
  }
}

function say({ secrets }: Config, line: string): void {
  process.stderr.write(`${secrets.mask(line)}\n`);
}
