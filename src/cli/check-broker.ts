import { type Inspection, inspectAmqp, type QueueInspection } from '../broker/amqp/inspect.ts';
import { urlText } from '../broker/amqp/options.ts';
import { streamText } from '../broker/amqp/stream-guard.ts';
import type { AmqpConfig, Config } from '../config/config.ts';
import { amqpOptions } from '../daemon/amqp-options.ts';
import { queueOptions } from '../daemon/make-broker.ts';
import { type AckTimeoutFacts, ackTimeoutWarning, holdingText, holdingTimeout } from './check-ack-timeout.ts';
import { EXIT } from './exit-codes.ts';
import { table } from './terminal/table.ts';

/** Asks RabbitMQ, prints what it says of each queue; sets exit status 69 when it cannot be used. Changes nothing there. */
export async function checkBroker(config: Config, amqp: AmqpConfig): Promise<void> {
  const options = queueOptions(config);
  const inspection = await inspectAmqp(await amqpOptions(config, amqp, options));
  if (inspection.url === undefined) {
    for (const problem of inspection.problems) say(config, `error: ${problem}`);
    process.exitCode = EXIT.brokerUnusable;
    return;
  }
  const timeoutFacts = (queue: QueueInspection): AckTimeoutFacts => ({
    queue,
    mayBeMade: amqp.declare === 'if-missing',
    vhost: amqp.urls.find((url) => urlText(url) === inspection.url)?.vhost ?? '/',
    askedMs: options.get(queue.queue)?.ackTimeoutMs,
    setter: inspection.ackTimeoutSetter ?? 'broker',
  });
  process.stdout.write(`\n${inspection.product ?? 'broker'} at ${inspection.url}\n`);
  process.stdout.write(
    table(
      ['queue', 'exists', 'type', 'messages', 'consumers', 'dead letters', 'ack timeout'],
      rows(config, amqp, inspection, timeoutFacts),
    ),
  );
  if (inspection.publishProblem !== undefined) {
    say(
      config,
      `error: no reply can be published: ${inspection.publishProblem} (give the user write on amq.default)`,
    );
    process.exitCode = EXIT.brokerUnusable;
  }
  if (inspection.hasExchange === false && isExchangeUsed(config)) complainOfExchange(config, amqp);
  for (const queue of inspection.queues) complain(config, amqp, queue, timeoutFacts(queue));
}

function rows(
  { queues }: Config,
  amqp: AmqpConfig,
  inspection: Inspection,
  timeoutFacts: (queue: QueueInspection) => AckTimeoutFacts,
): string[][] {
  const absent = amqp.declare === 'if-missing' ? 'made when needed' : 'missing';
  return inspection.queues.map((queue) => [
    queue.queue,
    queue.exists ? 'yes' : 'no',
    queue.type ?? '-',
    String(queue.messages ?? '-'),
    String(queue.consumers ?? '-'),
    `${queues.get(queue.queue)?.deadLetter ?? '-'}${queue.hasDeadLetterQueue === true ? '' : ` (${absent})`}`,
    holdingText(holdingTimeout(timeoutFacts(queue))),
  ]);
}

/** By output, notifications or bindings of the mapped runners and queues. */
function isExchangeUsed({ mappings, runners, queues }: Config): boolean {
  return [...mappings].some(([queue, name]) => {
    const { output = false, notify = false } = runners.get(name) ?? {};
    return output || notify || (queues.get(queue)?.bind.length ?? 0) > 0;
  });
}

function complainOfExchange(config: Config, { exchange, declare }: AmqpConfig): void {
  if (declare === 'if-missing') {
    say(config, `note: exchange ${exchange} does not exist yet; the daemon will create it`);
    return;
  }
  say(
    config,
    `error: exchange ${exchange} does not exist, and may not be created (declare a topic exchange, or set declare = if-missing)`,
  );
  process.exitCode = EXIT.brokerUnusable;
}

function complain(
  config: Config,
  amqp: AmqpConfig,
  queue: QueueInspection,
  timeoutFacts: AckTimeoutFacts,
): void {
  const willBeMade = amqp.declare === 'if-missing';
  if (queue.problem !== undefined || (!queue.exists && !willBeMade)) {
    say(
      config,
      `error: queue ${queue.queue}: ${queue.problem ?? 'does not exist, and may not be created (declare)'}`,
    );
    process.exitCode = EXIT.brokerUnusable;
  } else if (queue.type === 'stream') {
    say(config, `error: queue ${streamText(queue.queue)}`);
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
  const warning = runner === undefined ? undefined : ackTimeoutWarning(timeoutFacts, runner);
  if (warning !== undefined) say(config, `warning: ${warning}`);
}

function say({ secrets }: Config, line: string): void {
  process.stderr.write(`${secrets.mask(line)}\n`);
}
