import { reportConfigErrors } from './config-errors.ts';
import { EXIT } from './exit-codes.ts';

/** The command line asks for something that cannot be. The message is one line that says how to mend it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** As `reportConfigErrors`; wrong use of the command is a line on stderr, too, and exit status 64. */
export async function reportErrors(command: () => Promise<void>): Promise<void> {
  try {
    await reportConfigErrors(command);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = EXIT.usage;
  }
}
