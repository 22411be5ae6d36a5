import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RunnerError } from '../../job/runner.ts';
import { Account } from '../limits/account.ts';
import type { RunnerOptions } from '../options.ts';
import { baseEnvironment } from './environment.ts';
import { runSmallProgram } from './small-program.ts';

/** What runs the commands of `shell!` and `coprocess!`. */
export const SHELL = '/bin/sh';

const SYNTAX_CHECK_LIMIT_MS = 10_000;

/** In which folder the processes of a runner begin, and as whom. */
export interface Place {
  readonly cwd: string;
  /** Undefined: they are the daemon's. */
  readonly account: Account | undefined;
}

/** Throws RunnerError when there is no such user, and for a folder in which nothing could be run by that one. */
export async function requirePlace({
  limits,
  directory,
  cwd: folder = '.',
}: Pick<RunnerOptions, 'limits' | 'directory' | 'cwd'>): Promise<Place> {
  const account = await Account.find(limits);
  const cwd = resolve(directory, folder);
  const found = await stat(cwd).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new RunnerError(`cwd ${cwd} is not a directory`, 'create it, or change cwd');
  await account?.requireFolder(cwd);
  return { cwd, account };
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
