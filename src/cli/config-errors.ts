import { ConfigError } from '../config/config-error.ts';
import { formatProblem, inOrder, type Problem } from '../config/problem.ts';
import { priorityMarks } from '../daemon/journal-stream.ts';
import { EXIT } from './exit-codes.ts';

/**
 * Runs a command; a bad configuration is one line a problem on stderr and exit status 78. `withWarnings`: what is merely
 * odd in it is told as well.
 */
export async function reportConfigErrors(
  command: () => Promise<void>,
  { withWarnings = false } = {},
): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems, warnings } = error;
    if (withWarnings) printInOrder(problems, warnings);
    else printProblems(problems);
    process.exitCode = EXIT.badConfig;
  }
}

function printInOrder(problems: readonly Problem[], warnings: readonly Problem[]): void {
  const all = [...problems, ...warnings];
  const files = all.map(({ file }) => file);
  for (const one of inOrder(files, all)) printProblems([one], warnings.includes(one) ? 'warn' : 'error');
}

/** One line a problem on stderr; warnings say that they are. */
export function printProblems(problems: readonly Problem[], level: 'error' | 'warn' = 'error'): void {
  const mark = priorityMarks(process.stderr.fd)(level);
  const kind = level === 'warn' ? 'warning: ' : '';
  for (const problem of problems)
    process.stderr.write(`${mark}${kind}${formatProblem(problem, process.cwd())}\n`);
}
