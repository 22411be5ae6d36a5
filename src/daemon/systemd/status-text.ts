import type { QueueIntake } from '../../http/queue-intake.ts';
import type { WorkFacts } from './intake-watch.ts';

/** The line that `systemctl status` shows: `3 running, 1 queue paused`; what keeps jobs away comes first. */
export function statusText(
  { queues, inHand, brokerTrouble }: WorkFacts,
  stuck: QueueIntake | undefined,
): string {
  const count = (...states: QueueIntake['state'][]): number =>
    queues.filter(({ state }) => states.includes(state)).length;
  const paused = count('paused', 'probing');
  const missing = count('not-consumed');
  const trouble = stuck === undefined ? brokerTrouble : describeStuck(stuck);
  const counts = [
    `${inHand} running`,
    ...(paused === 0 ? [] : [`${queuesOf(paused)} paused`]),
    ...(missing === 0 ? [] : [`${queuesOf(missing)} not consumed`]),
  ].join(', ');
  return trouble === undefined ? counts : `${trouble}; ${counts}`;
}

/** Why the watchdog is not fed. */
export function describeStuck({ queue, reason }: Pick<QueueIntake, 'queue' | 'reason'>): string {
  return `queue ${queue} cannot be consumed (${reason ?? 'the broker has not said why'})`;
}

function queuesOf(count: number): string {
  return count === 1 ? '1 queue' : `${count} queues`;
}
