import type { ChannelModel } from 'amqplib';
import type { Connection } from './connection.ts';
import { requestPersistently } from './persistent-request.ts';
import { queueArguments } from './queue-arguments.ts';
import type { TopologyOptions } from './topology.ts';
import { isSince } from './version.ts';

/*
 * A classic queue gives back what has waited in it at most once: what the job queue refuses at that moment is gone. A
 * quorum queue keeps it and tries again. But it takes a second to be trusted when it is new, and where half the nodes of a
 * cluster are away it takes nothing and cannot even be declared: RabbitMQ closes the connection over that. So it is used
 * where the job queue is of that type itself, or is known to refuse messages.
 */

/** From which version on quorum queues give back at least once. */
const SINCE = [3, 10] as const;
/** How long a wait queue does without a type that could not be had. */
const DECLINED_MS = 10 * 60_000;

/** Of which type a wait queue has to be. */
export interface WaitTypes {
  /** The type that is configured for a queue; undefined: the broker's default. */
  configured(queue: string): string | undefined;
  /** The type of its wait queues. Asks the broker, once on each connection; rejects with `signal`'s reason. */
  typeFor(queue: string, signal: AbortSignal): Promise<string | undefined>;
  /** For a while its wait queues are of the configured type: the other one could not be had. */
  decline(queue: string): void;
}

export interface WaitTypesOptions extends Pick<TopologyOptions, 'queueType' | 'queues'> {
  readonly connection: Connection;
}

/** What is known of job queues for that, on a connection. */
export function createWaitTypes({ connection, queues, queueType }: WaitTypesOptions): WaitTypes {
  const known = new Map<string, { readonly model: ChannelModel; readonly keeps: Promise<boolean> }>();
  /** Name of a queue → until when. */
  const declined = new Map<string, number>();
  const configured = (queue: string): string | undefined => queues.get(queue)?.queueType ?? queueType;

  /** Asked once for all that want to know: each question is an error in the broker's log. */
  function mustKeep(model: ChannelModel, queue: string): Promise<boolean> {
    const last = known.get(queue);
    if (last?.model === model) return last.keeps;
    const keeps = isSince(model.connection.serverProperties.version, ...SINCE)
      ? queueArguments(model, queue).then(
          ({ type, overflow }) => type === 'quorum' || overflow === 'reject-publish',
        )
      : Promise.resolve(false);
    known.set(queue, { model, keeps });
    return keeps;
  }

  return {
    configured,
    async typeFor(queue, signal) {
      const type = configured(queue);
      if (type === 'quorum' || (declined.get(queue) ?? 0) > performance.now()) return type;
      const keeps = await requestPersistently(connection, signal, (model) => mustKeep(model, queue));
      return keeps ? 'quorum' : type;
    },
    decline(queue) {
      declined.set(queue, performance.now() + DECLINED_MS);
    },
  };
}
