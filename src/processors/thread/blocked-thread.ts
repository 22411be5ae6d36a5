import type { Calls } from './calls.ts';
import type { Death, RunningJobs } from './running-jobs.ts';

/** A thread that does not turn while a job in it is due. */
export interface BlockedThread {
  readonly jobs: RunningJobs;
  readonly calls: Calls;
  /** There are jobs in it that were given up, and go on. */
  readonly hasStrays: boolean;
}

/**
 * Who is to blame for that. A job whose own end is due has had its time. Others may have theirs, alone: there it harms nobody
 * to block, and who does is known for certain.
 */
export function deathOfBlocked({ jobs, calls, hasStrays }: BlockedThread): Death {
  const reason = 'a job kept the thread busy after its end was due';
  const begun = jobs.entries().flatMap(([id]) => (calls.hasBegun(id) ? [id] : []));
  const [only] = begun.length === 1 && !hasStrays ? begun : [];
  const blocking = calls.current ?? only;
  if (blocking === undefined) return { suspects: begun, reason };
  const isDue = jobs.get(blocking)?.context.signal.aborted === true;
  return isDue ? { id: blocking, reason } : { suspects: [blocking], reason };
}
