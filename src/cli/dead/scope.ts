import type { DeadLetter } from '../../client/dead-letter.ts';
import type { Home } from '../../client/dead-letters.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { didYouMean } from '../../config/suggest.ts';

/*
 * Which dead letters a command is about. Several queues may share a dead-letter queue, also queues that are not
 * mapped here: who asks for one of them means what died there, who asks for the dead-letter queue means all of it.
 */

/** A dead-letter queue, and how it was asked for. */
export interface DeadQueue {
  readonly name: string;
  /** A mapped queue, or the dead-letter queue itself. */
  readonly asked: string;
  /** The mapped queues whose dead letters it takes; at least one. */
  readonly takesFrom: readonly string[];
  /** All mapped queues. */
  readonly mapped: ReadonlySet<string>;
}

/** The dead-letter queue of a mapped queue, or the one of that name. Throws ConfigError with the nearest name. */
export function findDeadQueue(config: Config, asked: string): DeadQueue {
  const { queues, files } = config;
  const names = [...queues.values()].map(({ deadLetter }) => deadLetter);
  const name = queues.get(asked)?.deadLetter ?? names.find((deadLetter) => deadLetter === asked);
  if (name === undefined) {
    const message = `no queue is called ${asked}`;
    const fix = didYouMean(asked, [...queues.keys(), ...names], `there are ${[...queues.keys()].join(', ')}`);
    throw new ConfigError([
      { file: files[0] ?? 'rbit.ini', section: 'rbit', key: 'queue-mappings', message, fix },
    ]);
  }
  const takesFrom = [...queues].filter(([, { deadLetter }]) => deadLetter === name).map(([queue]) => queue);
  return { name, asked, takesFrom, mapped: new Set(queues.keys()) };
}

/** Whether all that lies on the dead-letter queue is meant: it was asked for itself. */
export function isWhole({ asked, takesFrom }: DeadQueue): boolean {
  return !takesFrom.includes(asked);
}

/** Whether letters of several queues may be met together. */
export function isMixed(queue: DeadQueue): boolean {
  return isWhole(queue) || queue.takesFrom.length > 1;
}

/** Whether a letter is one that was asked for: it died on the queue, or nobody knows where and no other leads here. */
export function isAskedFor({ queue }: DeadLetter, dead: DeadQueue): boolean {
  return isWhole(dead) || (queue ?? onlySource(dead)) === dead.asked;
}

/** A letter goes back only to the mapped queue that it died on; if nobody knows which, to the only one that leads here. */
export function homeOf({ queue }: DeadLetter, dead: DeadQueue): Home {
  const home = queue ?? onlySource(dead);
  if (home === undefined)
    return { reason: `nobody knows which of ${dead.takesFrom.join(' and ')} it died on` };
  return dead.mapped.has(home) ? { queue: home } : { reason: `died on ${home}, which is not mapped here` };
}

function onlySource({ takesFrom }: DeadQueue): string | undefined {
  return takesFrom.length === 1 ? takesFrom[0] : undefined;
}
