import { completed, type Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { Statement } from './statement.ts';

/** All that was said of one run, as far as it matters for its end. Progress is handed on at once. */
export class Statements {
  readonly #context: Pick<RunContext, 'progress'>;
  #data: unknown;
  #end: Statement['end'];

  constructor(context: Pick<RunContext, 'progress'>) {
    this.#context = context;
  }

  hear({ progress, data, end }: Statement): void {
    if (progress !== undefined) this.#context.progress(progress.percent, progress.message);
    if (data !== undefined) this.#data = data.value;
    if (end !== undefined) this.#end = end;
  }

  /** How the run ended that, for all else that is known, ended as `otherwise`. */
  outcome(otherwise: Outcome): Outcome {
    if (this.#end !== undefined) return this.#end;
    return otherwise.kind === 'completed' && otherwise.data === undefined ? completed(this.#data) : otherwise;
  }
}
