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
  const { problems } = text;
  // Where the reader has refused a placeholder, it is no use to say what a shell would do with it.
  const isRefused = (placeholder: string) => problems.some(({ message }) => message.startsWith(placeholder));
  RunnerError.throwAll([
    ...problems,
    ...findEvaluations(compiled).filter(({ message }) => !isRefused(message.split(' ', 1)[0] ?? '')),
    ...compiled.placeholders.flatMap((placeholder) => check(placeholder)),
  ]);
  return compiled;
}
