import { RunnerError } from '../../job/runner.ts';
import { CommandText, type CompiledCommand } from './command-text.ts';
import { findEvaluations } from './evaluation.ts';
import type { Placeholder } from './placeholders.ts';
import { readShellCommand } from './shell-syntax.ts';

/**
 * Turns placeholders into references to variables. Throws RunnerError, with all those for which that cannot be done
 * safely, and with what `check` has against any.
 */
export function compileShellCommand(
  command: string,
  check: (placeholder: Placeholder) => RunnerError[] = () => [],
): CompiledCommand {
  const text = new CommandText(command);
  readShellCommand(text);
  const compiled = text.compiled();
  RunnerError.throwAll([
    ...text.problems,
    ...findEvaluations(compiled),
    ...compiled.placeholders.flatMap((placeholder) => check(placeholder)),
  ]);
  return compiled;
}
