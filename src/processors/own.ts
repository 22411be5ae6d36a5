import { isFailed } from '../job/failures.ts';
import type { Job } from '../job/job.ts';
import type { Outcome } from '../job/outcome.ts';
import { type RunContext, type Runner, RunnerError } from '../job/runner.ts';
import { callInDaemon } from './module/call-in-daemon.ts';
import { describeThrown } from './module/job-end.ts';
import { writeToDaemon } from './module/daemon-log.ts';
import { makeJobLog } from './module/job-log.ts';
import { asRunner, loadInDaemon } from './module/load-in-daemon.ts';
import { holdPrints } from './module/prints.ts';
import { withinLimit } from './module/time-limit.ts';
import type { RunnerOptions } from './options.ts';
import type { ProcessorFactory, ProcessorRunner } from './own-processor.ts';
import type { Processor } from './registry.ts';
import { shorten } from './report/shorten.ts';

const START_LIMIT_MS = 30_000;

/** A `[processor:NAME]` section: whose module, and where its path starts. */
export interface OwnProcessor {
  readonly name: string;
  /** PATH[:EXPORT]. */
  readonly module: string;
  readonly directory: string;
}

/** The processor of a `[processor:NAME]` section. */
export function createOwnProcessor(own: OwnProcessor): Processor {
  return (options) => new OwnRunner(own, options);
}

class OwnRunner implements Runner {
  readonly name: string;
  readonly #own: OwnProcessor;
  readonly #options: RunnerOptions;
  #runner: ProcessorRunner | undefined;
  #giveBackPrints: (() => void) | undefined;

  constructor(own: OwnProcessor, options: RunnerOptions) {
    this.name = options.name;
    this.#own = own;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { log } = this.#options;
    const make = await this.#load();
    this.#giveBackPrints = holdPrints();
    try {
      await asRunner(log, async () => {
        this.#runner = await withinLimit(make(this.#processorOptions()), START_LIMIT_MS, 'making the runner');
        if (typeof (this.#runner as Partial<ProcessorRunner> | undefined)?.run !== 'function')
          throw new Error('it made no object with a function "run"');
        await withinLimit(this.#runner.start?.(), START_LIMIT_MS, 'its start');
      });
    } catch (error) {
      await this.stop();
      const { message, stack } = describeThrown(error);
      const words = isFailed(error) ? error.message : message;
      log?.('debug', `${this.#own.name}! refused the runner`, { stack });
      const why = shorten(words).replace(/\s*\n\s*/g, ' ');
      throw new RunnerError(
        `${this.#own.name}! refused it: ${why}`,
        `correct the line or its settings, or ${this.#own.module}`,
      );
    }
  }

  async run(job: Job, context: RunContext): Promise<Outcome> {
    const runner = this.#runner;
    if (runner === undefined) return { kind: 'unavailable', reason: 'the runner has not been started' };
    const { input } = context;
    return callInDaemon(job, context, this.#options, (own) => runner.run(job, Object.assign(own, { input })));
  }

  async stop(): Promise<void> {
    const { killGraceMs, log } = this.#options;
    const runner = this.#runner;
    this.#runner = undefined;
    try {
      if (typeof runner?.stop === 'function')
        await asRunner(log, () => withinLimit(runner.stop?.(), killGraceMs, 'its stop'));
    } catch (error) {
      log?.('warn', `${this.#own.name}! could not stop the runner: ${describeThrown(error).message}`);
    } finally {
      this.#giveBackPrints?.();
      this.#giveBackPrints = undefined;
    }
  }

  async #load(): Promise<ProcessorFactory> {
    const { name, module, directory } = this.#own;
    try {
      return await loadInDaemon<ProcessorFactory>(module, directory, this.#options.log);
    } catch (error) {
      if (!(error instanceof RunnerError)) throw error;
      throw new RunnerError(`[processor:${name}] module: ${error.message}`, error.fix);
    }
  }

  #processorOptions(): Parameters<ProcessorFactory>[0] {
    const { name, spec, directory, settings, concurrency, env, killGraceMs, log } = this.#options;
    return {
      runner: name,
      spec,
      directory,
      settings,
      concurrency,
      env,
      killGraceMs,
      log: makeJobLog(writeToDaemon(log)),
    };
  }
}
