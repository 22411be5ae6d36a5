import { stat } from 'node:fs/promises';
import { RunnerError } from '../../job/runner.ts';
import type { Account } from '../limits/account.ts';
import { baseEnvironment } from './environment.ts';
import { runSmallProgram } from './small-program.ts';

/** What runs the commands of `shell!` and `coprocess!`. */
export const SHELL = '/bin/sh';

const SYNTAX_CHECK_LIMIT_MS = 10_000;

/** Throws RunnerError for a folder in which nothing could be run, by `account` if not by the daemon itself. */
export async function requireFolder(cwd: string, account: Account | undefined): Promise<void> {
  const found = await stat(cwd).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new RunnerError(`cwd ${cwd} is not a directory`, 'create it, or change cwd');
  await account?.requireFolder(cwd);
}

/**
 * Throws RunnerError, with the shell's own words, for a command that it cannot even read. The shell is the daemon's: it
 * is given nothing that is meant for the runner's user.
 */
export async function requireShellSyntax(command: string): Promise<void> {
  const refusal = await runSmallProgram(SHELL, ['-n', '-c', command], {
    cwd: '/',
    env: baseEnvironment(),
    limitMs: SYNTAX_CHECK_LIMIT_MS,
  });
  if (refusal === undefined) return;
  const said = refusal.replace(/\s*\n\s*/g, ' ');
  throw new RunnerError(`the shell refuses the command: ${said}`, 'correct it; sh -n tells as much');
}
