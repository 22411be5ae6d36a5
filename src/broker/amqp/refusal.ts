import type { Publication } from '../broker.ts';
import type { ChannelEnd } from './channel.ts';

/** What RabbitMQ calls it when it refuses to write to it. */
const DEFAULT_EXCHANGE = 'amq.default';

/**
 * Which of the publications in flight, oldest first, the broker closed the channel for. Its words name the
 * exchange, the size or the user; when they fit none of them it is told only if there was just one.
 */
export function refusedBy<P extends { readonly publication: Publication }>(
  { code, reason }: ChannelEnd,
  inFlight: readonly P[],
): P | undefined {
  if (code === undefined) return undefined;
  const exchange = /no exchange '(.*?)' in vhost|exchange '(.*?)' in vhost/.exec(reason);
  const size = /message size (\d+)/.exec(reason)?.[1];
  const user = /user_id property set to '(.*?)' but/.exec(reason)?.[1];
  const named = inFlight.find(({ publication }) => {
    if (exchange !== null) return (publication.exchange || DEFAULT_EXCHANGE) === (exchange[1] ?? exchange[2]);
    if (size !== undefined) return publication.body.length === Number(size);
    if (user !== undefined) return publication.properties.userId === user;
    return false;
  });
  return named ?? (inFlight.length === 1 ? inFlight[0] : undefined);
}
