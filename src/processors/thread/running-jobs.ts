import type { Job } from '../../job/job.ts';
import type { Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { Log } from '../options.ts';
import { outcomeOfEnd } from '../module/job-end-outcome.ts';
import type { CountedFromThread, FromThread } from './messages.ts';
import { Numbered } from './numbered.ts';

/**
 * `lost`: the thread ended under the job. Its own doing, a neighbour's, or nobody can tell which of several: who killed it,
 * or who kept it from turning (`suspect`).
 */
export type Performance =
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | {
      readonly kind: 'lost';
      readonly blame: 'own' | 'neighbour' | 'suspect' | 'unknown';
      readonly reason: string;
      readonly stack?: string | undefined;
      /** It was told to end, and the thread never came to tell it. */
      readonly isUnheard: boolean;
    };

export interface RunningJob {
  readonly job: Job;
  readonly context: RunContext;
  readonly finish: (performance: Performance) => void;
  /** Whether it was told to end, and could not hear of it until now. */
  readonly isUnheard: () => boolean;
}

/** Why a thread ended, and by whose doing if that is known; or whose it may have been, if it did not turn any more. */
export interface Death {
  readonly id?: number | undefined;
  readonly suspects?: readonly number[];
  readonly reason: string;
  readonly stack?: string | undefined;
}

/** The jobs of one thread, by the numbers that both sides know them by, and what they say. */
export class RunningJobs extends Numbered<RunningJob> {
  readonly #log: Log | undefined;

  constructor(log: Log | undefined) {
    super();
    this.#log = log;
  }

  /** Throws when the thread talks nonsense. */
  hear(message: CountedFromThread | (FromThread & { kind: 'ended' })): void {
    const running = message.id === undefined ? undefined : this.get(message.id);
    switch (message.kind) {
      case 'output':
        for (const line of message.lines) {
          if (running === undefined) this.#log?.('info', line);
          else running.context.output(line);
        }
        return;
      case 'progress':
        return running?.context.progress(message.percent, message.message);
      case 'log': {
        const { level, message: text, fields } = message;
        return this.#log?.(level, text, {
          ...(running === undefined ? {} : { job: running.job.id }),
          // Within a field of their own, a module's fields cannot pass for the daemon's.
          ...(fields === undefined ? {} : { fields: JSON.parse(fields) as unknown }),
        });
      }
      case 'ended':
        return running?.finish({ kind: 'ended', outcome: outcomeOfEnd(message.end, this.#log) });
    }
  }

  finishAll(outcome: Outcome): void {
    for (const [, { finish }] of this.entries()) finish({ kind: 'ended', outcome });
  }

  /** Ends them as a thread's death does: the one to blame, if it is known or there is only one, and its neighbours. */
  lose({ id, suspects, reason, stack }: Death): void {
    const all = this.entries();
    const [only] = all.length === 1 ? all : [];
    const blamed = id ?? only?.[0];
    for (const [own, { finish, isUnheard }] of all) {
      const blame =
        suspects === undefined ? blameOn(blamed, own) : suspects.includes(own) ? 'suspect' : 'neighbour';
      finish({ kind: 'lost', blame, reason, stack, isUnheard: isUnheard() });
    }
  }
}

function blameOn(blamed: number | undefined, own: number): 'own' | 'neighbour' | 'unknown' {
  if (blamed === undefined) return 'unknown';
  return blamed === own ? 'own' : 'neighbour';
}
