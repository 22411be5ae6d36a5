import type { Announcer, RunFacts } from '../job/events.ts';
import type { Outcome } from '../job/outcome.ts';
import type { Runner } from '../job/runner.ts';
import type { Journal } from '../journal/journal.ts';
import type { Speech } from './conversation.ts';
import type { Policy } from './policy.ts';
import type { RunningJobs } from './running.ts';
import type { Slots } from './slots.ts';

/** Where jobs are worked: all that their path needs. */
export interface Workplace {
  readonly runner: Runner;
  readonly policy: Policy;
  readonly journal: Journal;
  readonly speech: Speech;
  readonly running: RunningJobs;
  /** Shared by all queues of the runner. */
  readonly slots: Slots;
  /** One slot for the whole daemon: a job that is one crash from its limit runs alone among its like. */
  readonly suspects: Slots;
  /** Asked once for each job whose turn has come; false: it goes back as if it had never come. */
  readonly admit: (facts: RunFacts) => boolean;
  readonly events: Announcer;
  /** Aborts when the daemon takes nothing new any more: what has not begun goes back. */
  readonly draining: AbortSignal;
  /** Aborts when the daemon takes nothing new any more: what cannot be settled now is left to the end of the connection. */
  readonly closing: AbortSignal;
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
  /**
   * Hears how each run ended, and since when (as Date.now) its message was in hand, before that is settled: a runner
   * that cannot be started stops the intake first.
   */
  readonly onOutcome: (outcome: Outcome, since: number) => Promise<void>;
}

/** What may be another one for the next delivery. What is said goes through the same relay all the same. */
export type Equipment = Pick<Workplace, 'runner' | 'policy' | 'slots' | 'speech'>;
