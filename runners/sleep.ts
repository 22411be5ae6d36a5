// Does nothing for a while: for trying out timeouts, concurrency and clean stops.
//
//   [runner:sleep]
//   runner = module!runners/sleep.ts
//   concurrency = 10
//   timeout = 10m
//
// Job:    {"parameters": {"seconds": 2.5}}
// Reply:  {"status": "completed", "data": 2.5}

import { setTimeout as wait } from 'node:timers/promises';
import { Failed, type Job, type JobContext } from 'rbit-ts';

/** The longest that a timer of Node can wait. */
const MOST_SECONDS = 2_147_483;

export default async function sleep(job: Job, context: JobContext): Promise<number> {
  const seconds = Number(job.parameters['seconds']);
  if (!(seconds >= 0 && seconds <= MOST_SECONDS)) {
    throw new Failed(`parameters.seconds must be a number from 0 to ${MOST_SECONDS}`);
  }
  // The signal ends the wait at once when the job's time is up or the daemon stops.
  await wait(seconds * 1000, undefined, { signal: context.signal });
  return seconds;
}
