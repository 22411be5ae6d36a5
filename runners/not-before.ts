// Completes no earlier than the job says. Until then the job is blocked: it waits in its queue and holds no slot.
//
//   [runner:not-before]
//   runner = module!runners/not-before.ts
//
// Job:    {"parameters": {"time": "2030-01-31T08:00:00Z"}}
// Reply:  {"status": "completed"}, when it is time

import { Blocked, Failed, type Job, type JobContext } from 'rbit-ts';

/** A job that waits for years looks at the clock once a day: no queue can hold a message for more than 24 days. */
const LONGEST_DELAY_MS = 86_400_000;

/** A day, or a day and a time in hours, minutes, perhaps seconds, and perhaps Z or an offset from UTC. */
const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

export default async function notBefore(job: Job, context: JobContext): Promise<void> {
  const { time } = job.parameters;
  const at = typeof time === 'string' && ISO_8601.test(time) ? Date.parse(time) : Number.NaN;
  if (typeof time !== 'string' || Number.isNaN(at)) {
    throw new Failed('parameters.time must be a time such as 2030-01-31T08:00:00Z (ISO 8601)');
  }
  const leftMs = at - Date.now();
  if (leftMs > 0) throw new Blocked(`not before ${time}`, { delay: Math.min(leftMs, LONGEST_DELAY_MS) });
  context.output(`it is ${time}`);
}
