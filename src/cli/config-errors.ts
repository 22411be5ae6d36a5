import { ConfigError } from '../config/config-error.ts';
import { formatProblem, type Problem } from '../config/problem.ts';
import { priorityMarks } from '../daemon/journal-stream.ts';
import { EXIT } from './exit-codes.ts';

/** Runs a command; a bad configuration is one line a problem on stderr and exit status 78. */
export async function reportConfigErrors(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems);
    process.exitCode = EXIT.badConfig;
  }
}

/** One line a problem on stderr; warnings say that they are. */
export function printProblems(problems: readonly Problem[], level: 'error' | 'warn' = 'error'): void {
  const mark = priorityMarks(process.stderr.fd)(level);
  const kind = level === 'warn' ? 'warning: ' : '';
  for (const problem of problems)
    process.stderr.write(`${mark}${kind}${formatProblem(problem, process.cwd())}\n`);
}
