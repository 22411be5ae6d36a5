import type { Announcer } from '../job/events.ts';
import type { Outcome } from '../job/outcome.ts';
import type { Runner } from '../job/runner.ts';
import type { Journal } from '../journal/journal.ts';
import type { Speech } from './conversation.ts';
import type { Policy } from './policy.ts';
import type { RunningJobs } from './running.ts';

/** Where jobs are worked: all that their path needs. */
export interface Workplace {
  readonly runner: Runner;
  readonly policy: Policy;
  readonly journal: Journal;
  readonly speech: Speech;
  readonly running: RunningJobs;
  readonly events: Announcer;
  /** Aborts when the daemon ends what is still running. */
  readonly stopping: AbortSignal;
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
  /** Hears each outcome before its message is settled, so that a runner that cannot be started stops the intake first. */
  readonly onOutcome: (outcome: Outcome) => Promise<void>;
}
