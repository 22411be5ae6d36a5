import {
  type DeadLetterQueue,
  retryDeadLetters,
  type Treatment,
  whyUnusable,
} from '../client/dead-letters.ts';
import type { DeadLetter } from '../client/dead-letter.ts';
import { createTimeLimit } from '../client/time-limit.ts';
import type { Config } from '../config/config.ts';
import type { KeptJob, Said } from '../http/actions.ts';
import { makeBroker } from './make-broker.ts';

/** Whoever has pressed the button waits for it, and the server hangs up soon after. */
const RETRY_LIMIT_MS = 8_000;
const CLOSE_LIMIT_MS = 1_000;
/** So many can be looked at without moving one of them. */
const MOST_LOOKED_AT = 2_000;

/**
 * Puts back failed jobs that were kept, as `dead retry` does, each on the queue that it died on: the one letter that tells
 * of the same death. On connections of its own, since what it looks at is held until they are closed. One at a time.
 */
export function createRetry(config: () => Config): (job: KeptJob) => Promise<Said> {
  let isBusy = false;

  return async (job) => {
    if (isBusy) return { done: false, says: 'another job is being put back: try again in a moment' };
    isBusy = true;
    const limit = createTimeLimit(RETRY_LIMIT_MS, new AbortController().signal);
    try {
      return await retry(config(), job, limit.signal);
    } catch (error) {
      const reason = limit.isOver ? 'the broker does not answer in time' : whyUnusable(error);
      if (reason === undefined) throw error;
      return { done: false, says: `it could not be put back: ${config().secrets.mask(reason)}` };
    } finally {
      limit.end();
      isBusy = false;
    }
  };
}

async function retry(config: Config, job: KeptJob, signal: AbortSignal): Promise<Said> {
  const queue = config.queues.get(job.queue);
  if (queue === undefined) return { done: false, says: 'its queue is not worked here any more' };
  const { deadLetter: name, queueType } = queue;
  const options = { bind: [], deadLetter: `${name}.dead`, ...(queueType === undefined ? {} : { queueType }) };
  const { broker } = await makeBroker(config, new Map([[name, options]]));
  try {
    broker.start();
    const count = (await broker.count(name, signal)) ?? 0;
    const byHand = `rbit-ts dead retry ${job.queue}`;
    if (count > MOST_LOOKED_AT)
      return { done: false, says: `${count} dead letters are too many to look through here: use ${byHand}` };
    return await retryOne({ broker, queue: name, count, signal, isShared: true }, job);
  } finally {
    await broker.close(CLOSE_LIMIT_MS);
  }
}

async function retryOne(from: DeadLetterQueue, job: KeptJob): Promise<Said> {
  const found = new AbortController();
  let isTaken = false;
  const treated: Treatment[] = [];
  const concerns = (letter: DeadLetter): boolean => {
    if (isTaken || !tellsOf(letter, job)) return false;
    isTaken = true;
    return true;
  };
  const signal = AbortSignal.any([from.signal, found.signal]);
  const walk = retryDeadLetters(
    { ...from, signal, concerns },
    'all',
    () => ({ queue: job.queue }),
    (treatment) => {
      treated.push(treatment);
      // The rest need not be looked at.
      found.abort();
    },
  );
  await walk.catch((error: unknown) => {
    if (!found.signal.aborted) throw error;
  });
  const [treatment] = treated;
  if (treatment?.kind === 'done') return { done: true, says: 'it is back on its queue' };
  if (treatment?.kind === 'left') return { done: false, says: `it stays where it is: ${treatment.reason}` };
  return { done: false, says: 'it is not among the dead letters any more' };
}

/** Several jobs may have one id, and a job may have none that its message tells. */
function tellsOf(letter: DeadLetter, { id, queue, runner, attempt, keptAt }: KeptJob): boolean {
  return (
    letter.diedAt === keptAt &&
    letter.queue === queue &&
    letter.runner === runner &&
    letter.attempt === attempt &&
    (letter.job === undefined || letter.job === id)
  );
}
