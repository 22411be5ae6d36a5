import { crashed, type Failure } from '../../job/outcome.ts';
import { outcomeOfExit } from '../child/exit.ts';
import type { ChildExit } from '../child/start.ts';
import type { ProgramEnd } from './started-program.ts';

/** How a process ended. */
export interface CoprocessEnd {
  /** What that means for a job which it had. */
  readonly failure: Failure;
  readonly exit: ChildExit | undefined;
  /** It had been asked to. */
  readonly isAsked: boolean;
  /** It had no job then. */
  readonly wasIdle: boolean;
}

const NO_CODES = { successCodes: [], blockedCodes: [], unavailableCodes: [] };

/** The end of a process that should have answered, with the last lines that it wrote to stderr. */
export function explainEnd({ exit, isOverMemory }: ProgramEnd, stderr: readonly string[]): Failure {
  if (exit === undefined) return crashed('the process could not be ended');
  const outcome = outcomeOfExit(exit, NO_CODES, { stdout: [], stderr, isOverMemory });
  const said = outcome.kind === 'failed' ? outcome : crashed('it ended');
  return { ...said, message: `the process ended: ${said.message}` };
}
