import { randomUUID } from 'node:crypto';
import type { Job } from '../../job/job.ts';
import type { Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import { cutLine } from '../child/lines.ts';
import type { Log } from '../options.ts';
import { Statements } from '../report/statements.ts';
import { readAnswer } from './answer.ts';

/** The job that a process works now, and what the process has said of it. */
export class CurrentRun {
  readonly id = randomUUID();
  readonly context: RunContext;
  readonly #job: Job;
  readonly #log: Log | undefined;
  readonly #statements: Statements;
  #outcome: Outcome | undefined;
  #hasProblem = false;

  constructor(job: Job, context: RunContext, log: Log | undefined) {
    this.#job = job;
    this.context = context;
    this.#log = log;
    this.#statements = new Statements(context);
  }

  /** How it ended; undefined until the process has said so. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Takes an answer with this run's id. True when the run is over by it. */
  hear(object: Readonly<Record<string, unknown>>): boolean {
    const { statement, output, log, end, problems } = readAnswer(object);
    this.#statements.hear(statement);
    for (const line of output) this.context.output(cutLine(line));
    if (log !== undefined)
      // Within a field of their own, a runner's fields cannot pass for the daemon's.
      this.#log?.(log.level, log.message, {
        job: this.#job.id,
        ...(log.fields === undefined ? {} : { fields: log.fields }),
      });
    this.#complain(problems);
    if (end === undefined) return false;
    this.#outcome = this.#statements.outcome(end);
    return true;
  }

  /** Once for each run: a process may say ten thousand such things. */
  #complain(problems: readonly string[]): void {
    const [problem] = problems;
    if (problem === undefined || this.#hasProblem) return;
    this.#hasProblem = true;
    this.#log?.('warn', 'part of what the runner said of this job is not understood', {
      job: this.#job.id,
      problem,
    });
  }
}
