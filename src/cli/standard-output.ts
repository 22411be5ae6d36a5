import { constants } from 'node:os';
import { EXIT } from './exit-codes.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EIO: 'the device or the terminal has gone',
};

/**
 * Keeps a standard output that cannot be written from being a bug, and from being overlooked: whatever the command makes
 * of it, the process then ends with 141 when the reader has gone, as by SIGPIPE, else with a line on stderr and 74.
 * Returns what gives up the exit status, for a command whose standard output is not its result.
 */
export function guardStandardOutput(): () => void {
  let lost: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error) => {
    lost ??= error;
  });
  process.stderr.on('error', () => {});
  const onExit = (): void => {
    // An error of the last moment was not announced any more.
    const error = lost ?? process.stdout.errored;
    if (error !== undefined && error !== null) process.exitCode = tellLoss(error);
  };
  process.on('exit', onExit);
  return () => process.off('exit', onExit);
}

function tellLoss(error: NodeJS.ErrnoException): number {
  const code = error.code ?? error.message;
  if (code === 'EPIPE') return 128 + constants.signals.SIGPIPE;
  process.stderr.write(`error: standard output cannot be written: ${WORDS[code] ?? code}\n`);
  return EXIT.outputLost;
}
