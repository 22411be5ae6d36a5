import { existsSync } from 'node:fs';
import { watchTrouble } from '../../client/broker-trouble.ts';
import type { DeadLetter } from '../../client/dead-letter.ts';
import { type DeadLetterQueue, whyUnusable } from '../../client/dead-letters.ts';
import { createTimeLimit } from '../../client/time-limit.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { didYouMean } from '../../config/suggest.ts';
import { makeBroker } from '../../daemon/make-broker.ts';
import { queueFile } from '../../daemon/state-dir.ts';
import { formatDuration } from '../../job/duration.ts';
import { EXIT } from '../exit-codes.ts';
import { listenForInterruption } from '../interruption.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/** A dead-letter queue, and how it was asked for. */
export interface DeadQueue {
  readonly name: string;
  /** A mapped queue, or the dead-letter queue itself. */
  readonly asked: string;
  /** The mapped queues whose dead letters it takes; at least one. */
  readonly takesFrom: readonly string[];
}

const ANSWER_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 5_000;

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
  return { name, asked, takesFrom };
}

/**
 * The queue that a dead letter goes back to: the one it died on if that one is mapped, else the one that was asked
 * for, or that alone has its dead letters here. Undefined: several might be meant.
 */
export function homeOf({ queue }: DeadLetter, { asked, takesFrom }: DeadQueue): string | undefined {
  if (queue !== undefined && takesFrom.includes(queue)) return queue;
  if (takesFrom.includes(asked)) return asked;
  return takesFrom.length === 1 ? takesFrom[0] : undefined;
}

/**
 * Opens a dead-letter queue of the configured broker for `work`; false: there is none, or it is empty. A broker that
 * cannot be used is a line on stderr and exit status 69; Ctrl-C ends `work` and sets its own status. Messages that `work` has
 * not settled are back on the queue afterwards.
 */
export async function withDeadLetters(
  config: Config,
  { name, takesFrom }: DeadQueue,
  work: (from: DeadLetterQueue) => Promise<void>,
): Promise<boolean> {
  // Looking makes nothing.
  if (config.amqp === undefined && !existsSync(queueFile(config))) return false;
  const queueType = config.queues.get(takesFrom[0] ?? '')?.queueType;
  const options = { bind: [], deadLetter: `${name}.dead`, ...(queueType === undefined ? {} : { queueType }) };
  const { broker } = await makeBroker(config, new Map([[name, options]]));
  const trouble = watchTrouble(broker.events);
  const interruption = listenForInterruption();
  const { signal } = interruption;
  const limit = createTimeLimit(ANSWER_LIMIT_MS, signal);
  try {
    broker.start();
    const count = await broker.count(name, limit.signal);
    limit.end();
    if (count === undefined || count === 0) return false;
    await work({ broker, queue: name, count, signal });
  } catch (error) {
    const silence = `it does not answer (tried for ${formatDuration(ANSWER_LIMIT_MS)})`;
    const reason = limit.isOver ? (trouble.reason ?? silence) : whyUnusable(error);
    if (signal.aborted) process.exitCode = interruption.exitCode;
    else if (reason === undefined) throw error;
    else {
      process.stderr.write(`error: the broker cannot be used: ${config.secrets.mask(oneLine(reason))}\n`);
      process.exitCode = EXIT.brokerUnusable;
    }
  } finally {
    limit.end();
    await broker.close(CLOSE_LIMIT_MS);
    interruption.end();
  }
  return true;
}
