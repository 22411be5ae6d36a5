import type { Job } from '../../job/job.ts';
import type { Outcome } from '../../job/outcome.ts';
import type { RunContext, Runner } from '../../job/runner.ts';
import type { JobFunction } from '../job-context.ts';
import type { RunnerOptions } from '../options.ts';
import { callInDaemon } from './call-in-daemon.ts';
import { loadInDaemon } from './load-in-daemon.ts';
import { holdPrints } from './prints.ts';

/**
 * `module!` with `isolation = none`: jobs are calls in the daemon itself. The fastest, for functions that can be trusted:
 * what blocks, exits or throws outside of its promise does so to the daemon.
 */
export class InDaemonRunner implements Runner {
  readonly name: string;
  readonly #options: RunnerOptions;
  #perform: JobFunction | undefined;
  #giveBackPrints: (() => void) | undefined;

  constructor(options: RunnerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { spec, directory, log } = this.#options;
    const perform = await loadInDaemon<JobFunction>(spec, directory, log);
    this.#giveBackPrints = holdPrints();
    this.#perform = perform;
  }

  async run(job: Job, context: RunContext): Promise<Outcome> {
    const perform = this.#perform;
    if (perform === undefined) return { kind: 'unavailable', reason: 'the runner has not been started' };
    return callInDaemon(job, context, this.#options, (own) => perform(job, own));
  }

  async stop(): Promise<void> {
    this.#giveBackPrints?.();
    this.#giveBackPrints = undefined;
  }
}
