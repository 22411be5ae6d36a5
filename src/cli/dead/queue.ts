import { stat } from 'node:fs/promises';
import { watchTrouble } from '../../client/broker-trouble.ts';
import type { DeadLetter } from '../../client/dead-letter.ts';
import { type DeadLetterQueue, whyUnusable } from '../../client/dead-letters.ts';
import { createTimeLimit } from '../../client/time-limit.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { makeBroker } from '../../daemon/make-broker.ts';
import { checkStateDir, queueFile } from '../../daemon/state-dir.ts';
import { formatDuration } from '../../job/duration.ts';
import { EXIT } from '../exit-codes.ts';
import { listenForInterruption } from '../interruption.ts';
import { oneLine } from '../terminal/terminal-text.ts';
import { type DeadQueue, isAskedFor, isWhole } from './scope.ts';

const ANSWER_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 5_000;

/**
 * Opens a dead-letter queue of the configured broker for `work`; false: there is none, or it is empty. `onOther` hears
 * of the letters that it meets and that were not asked for. A broker that cannot be used is a line on stderr and exit
 * status 69, an embedded queue that cannot be looked at a ConfigError; Ctrl-C ends `work` and sets its own status.
 * Messages that `work` has not settled are back on the queue afterwards.
 */
export async function withDeadLetters(
  config: Config,
  dead: DeadQueue,
  onOther: (letter: DeadLetter) => void,
  work: (from: DeadLetterQueue) => Promise<void>,
): Promise<boolean> {
  const { name, takesFrom } = dead;
  if (config.amqp === undefined && !(await isEmbeddedQueueThere(config))) return false;
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
    await work({
      broker,
      queue: name,
      count,
      signal,
      isShared: takesFrom.length > 1,
      ...(isWhole(dead) ? {} : { concerns }),
    });
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

  function concerns(letter: DeadLetter): boolean {
    const isMeant = isAskedFor(letter, dead);
    if (!isMeant) onOther(letter);
    return isMeant;
  }
}

/** Looking makes nothing, so a queue file that is missing is said to be, and one that may be there is not passed over. */
async function isEmbeddedQueueThere(config: Config): Promise<boolean> {
  const file = queueFile(config);
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      process.stderr.write(config.secrets.mask(`no queue file ${oneLine(file)} yet\n`));
      return false;
    }
    const problem = await checkStateDir(config);
    throw problem === undefined ? error : new ConfigError([problem], config);
  }
}
