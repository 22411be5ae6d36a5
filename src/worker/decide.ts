import { hostname } from 'node:os';
import { formatDuration } from '../job/duration.ts';
import type { Job } from '../job/job.ts';
import { crashed, failed, type Failure, type Outcome } from '../job/outcome.ts';
import type { Verdict } from '../job/verdict.ts';
import { type History, writeDeath, writeHistory } from '../protocol/history.ts';
import { delayAfter, type Policy } from './policy.ts';

/*
 * What follows from how a job ended.
 *
 *   completed                           reply    ack
 *   failed, declared by the runner      reply    ack, or dead-letter with keep-failed
 *   failed, declared by nobody          -        requeue after retry-delay while retries are left; else as above
 *   failed, not a job at all            reply    dead-letter
 *   took the daemon down crash-limit times  reply  dead-letter
 *   blocked                             -        requeue after blocked-delay; at blocked-limit as failed
 *   interrupted, unavailable            -        requeue at once, not counted
 */

/** Decides about one run of `job`; `history` is what its message said before the run. */
export function decide(outcome: Outcome, job: Job, history: History, policy: Policy): Verdict {
  switch (outcome.kind) {
    case 'completed':
      return { outcome, reply: outcome, disposal: { kind: 'ack' }, because: 'completed' };
    case 'failed': {
      const retry = history.retries + 1;
      if (!outcome.retryable || retry > policy.retries) return end(outcome, job, policy.keepFailed);
      const delayMs = delayAfter(policy.retryDelay, retry);
      const because = `${outcome.message}; retry ${retry} of ${policy.retries} in ${formatDuration(delayMs)}`;
      return goBack(outcome, { ...history, attempt: history.attempt + 1, retries: retry }, delayMs, because);
    }
    case 'blocked': {
      const blocked = history.blocked + 1;
      if (policy.blockedLimit > 0 && blocked >= policy.blockedLimit) {
        const failure = crashed(`still blocked after ${policy.blockedLimit} tries: ${outcome.reason}`);
        return end(failure, job, policy.keepFailed);
      }
      const delayMs = outcome.delayMs ?? delayAfter(policy.blockedDelay, blocked);
      const because = `blocked: ${outcome.reason}; again in ${formatDuration(delayMs)}`;
      return goBack(outcome, { ...history, attempt: history.attempt + 1, blocked }, delayMs, because);
    }
    case 'interrupted':
      return goBack(outcome, history, 0, `interrupted: ${outcome.reason}`);
    case 'unavailable':
      return goBack(outcome, history, 0, `unavailable: ${outcome.reason}`);
  }
}

/** Decides about a message that is no job: its requester is told, and the message is kept for a person to look at. */
export function refuse(failure: Failure, job: Job): Verdict {
  return end(failure, job, true);
}

/** Decides about a job that took the daemon down with it so often; `lastError` is why its message went back last. */
export function giveUpOn(job: Job, crashes: number, lastError: string | undefined): Verdict {
  const times = crashes === 1 ? 'once' : `${crashes} times`;
  const reason = `the daemon died ${times} while it ran this job (crash-limit)`;
  return refuse({ ...failed(reason), ...(lastError === undefined ? {} : { detail: lastError }) }, job);
}

/** Decides about a message whose requester has its final reply already: all that is left is to keep it. */
export function keep(job: Job, reason: string, lastError?: string): Verdict {
  const headers = writeDeath(job, { reason, lastError, host: hostname() });
  const disposal = { kind: 'dead-letter', headers } as const;
  return { outcome: failed(reason), disposal, because: reason };
}

function end(failure: Failure, job: Job, isKept: boolean): Verdict {
  const disposal = isKept ? keep(job, failure.message, failure.detail).disposal : ({ kind: 'ack' } as const);
  return { outcome: failure, reply: failure, disposal, because: failure.message };
}

function goBack(outcome: Outcome, history: History, delayMs: number, because: string): Verdict {
  return {
    outcome,
    disposal: { kind: 'requeue', delayMs, headers: writeHistory(history, because) },
    because,
  };
}
