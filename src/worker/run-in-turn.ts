import { cancelled, failed, type Outcome } from '../job/outcome.ts';
import type { Entry } from '../journal/journal.ts';
import type { Conversation } from './conversation.ts';
import { runJob } from './run-job.ts';
import type { Running } from './running.ts';
import type { Workplace } from './workplace.ts';

/** A job that may run, and what is known of its past. */
export interface Runnable {
  readonly running: Running;
  readonly conversation: Conversation;
  readonly entry: Pick<Entry, 'runs'>;
  /** How often a daemon died with it in hand. */
  readonly crashes: number;
  /** Its requester was told "started", by whomever. */
  readonly wasStarted: boolean;
}

export interface Ran {
  readonly outcome: Outcome;
  readonly isStarted: boolean;
}

/**
 * Runs a job when its turn has come. What was in hand when a daemon died is blamed for the next death as well, once it
 * runs; one that is a single crash from its limit waits until no other such job runs, so that none pays for another.
 */
export async function runInTurn(job: Runnable, at: Workplace): Promise<Ran> {
  const { running, wasStarted, crashes } = job;
  if (at.policy.onRestart === 'fail' && running.delivery.crashes > 0) {
    if (!at.admit(running.facts)) return { outcome: notTaken(), isStarted: wasStarted };
    const outcome = failed('the daemon died while the job was in hand, and on-restart is fail');
    return { outcome, isStarted: wasStarted };
  }
  const isSuspect = crashes > 0 && crashes === at.policy.crashLimit - 1;
  const leave = isSuspect ? await waitAlone(job, at) : undefined;
  try {
    return await runInSlot(job, at);
  } finally {
    leave?.();
  }
}

async function waitAlone({ running, crashes }: Runnable, at: Workplace): Promise<(() => void) | undefined> {
  if (!at.suspects.isFree) at.events.emit('job:suspect', { ...running.facts, crashes });
  return at.suspects.take(at.draining, running.callOff.signal);
}

/** Waits for a slot of the runner, says "started" unless somebody has, and runs the job. */
async function runInSlot(job: Runnable, at: Workplace): Promise<Ran> {
  const { running, conversation, entry, wasStarted } = job;
  // What only waits takes nobody down.
  if (!at.slots.isFree) await spare(job);
  const leave = await at.slots.take(at.draining, running.callOff.signal);
  if (leave === undefined) {
    const isCancelled = running.callOff.cause?.kind === 'cancel';
    const outcome = isCancelled ? cancelled() : notTaken(at.draining.reason);
    return { outcome, isStarted: wasStarted };
  }
  try {
    if (!at.admit(running.facts)) return { outcome: notTaken(), isStarted: wasStarted };
    await running.delivery.blame(true);
    await entry.runs(true);
    if (!wasStarted) {
      conversation.started();
      await turn();
    }
    const outcome = await runJob(running, conversation, at);
    await at.onOutcome(outcome, running.since);
    return { outcome, isStarted: true };
  } finally {
    leave();
  }
}

/**
 * Resolves when "started" is on its way: a job that takes the daemon down at once, or keeps it busy, comes after it. What
 * writes it is set off by promises that come first, and may be in the next turn as well.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(setImmediate, resolve);
  });
}

async function spare({ running, entry }: Runnable): Promise<void> {
  await Promise.all([running.delivery.blame(false), entry.runs(false)]);
}

/** How a job ends that this daemon does not begin any more: it goes back as it came. `why` counts if it is text. */
export function notTaken(why?: unknown): Outcome {
  return { kind: 'interrupted', reason: typeof why === 'string' ? why : 'the daemon stops' };
}
