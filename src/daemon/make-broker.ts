import { urlText } from '../broker/amqp/options.ts';
import type { Broker, QueueOptions } from '../broker/broker.ts';
import type { Config } from '../config/config.ts';
import { ackTimeoutOf } from './ack-timeout.ts';
import { amqpOptions } from './amqp-options.ts';
import { makeStateDir, queueFile } from './state-dir.ts';

/** The embedded broker always has a topic exchange; nobody has to name it. */
const EMBEDDED_EXCHANGE = 'rbit';

/** A broker that is not started yet. */
export interface MadeBroker {
  readonly broker: Broker;
  /** Topic exchange for output, progress and notifications; undefined: there is none. */
  readonly exchange: string | undefined;
}

/**
 * The broker that the configuration asks for: RabbitMQ with `[amqp]`, else the embedded one,
 * whose file is made if it is not there. `more` are queues beside the mapped ones. Throws as `makeStateDir` does.
 */
export async function makeBroker(
  config: Config,
  more: ReadonlyMap<string, QueueOptions> = new Map(),
): Promise<MadeBroker> {
  return makeBrokerFor(new Map([...queueOptions(config), ...more]), config);
}

/** As `makeBroker`, for these queues, which are looked up whenever something has to be known of one. */
export async function makeBrokerFor(
  queues: ReadonlyMap<string, QueueOptions>,
  config: Config,
): Promise<MadeBroker> {
  const { amqp } = config;
  if (amqp !== undefined) {
    const { createAmqpBroker } = await import('../broker/amqp/amqp-broker.ts');
    return { broker: createAmqpBroker(await amqpOptions(config, amqp, queues)), exchange: amqp.exchange };
  }
  await makeStateDir(config);
  const { createEmbeddedBroker } = await import('../broker/embedded/embedded-broker.ts');
  const broker = createEmbeddedBroker({ file: queueFile(config), exchange: EMBEDDED_EXCHANGE, queues });
  return { broker, exchange: EMBEDDED_EXCHANGE };
}

/** Where the queues are, for people: `embedded, in /var/lib/x/queue.sqlite` or `RabbitMQ, amqp://mq:5672/jobs`. */
export function describeQueues(config: Config): string {
  const { amqp, secrets } = config;
  const place =
    amqp === undefined
      ? `embedded, in ${queueFile(config)}`
      : `RabbitMQ, ${amqp.urls.map((url) => urlText(url)).join(' or ')}`;
  return secrets.mask(place);
}

/** What the configuration says of the mapped queues, in the broker's words. */
export function queueOptions({ queues, mappings, runners }: Config): Map<string, QueueOptions> {
  const mapped = [...mappings.values()];
  return new Map(
    [...queues].map(([name, { bind, queueType, deadLetter }]) => {
      const runner = runners.get(mappings.get(name) ?? '');
      const shares = mapped.filter((other) => other === runner?.name).length;
      const ackTimeoutMs = runner === undefined ? undefined : ackTimeoutOf(runner, shares);
      return [
        name,
        {
          bind,
          deadLetter,
          ...(queueType === undefined ? {} : { queueType }),
          ...(ackTimeoutMs === undefined ? {} : { ackTimeoutMs }),
        },
      ];
    }),
  );
}
