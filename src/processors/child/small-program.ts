import { execFile } from 'node:child_process';

export interface SmallProgramOptions {
  readonly cwd?: string;
  /** Undefined: the daemon's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly limitMs: number;
}

/**
 * Runs a small program of the system, without input, for what every start needs: execa takes 90 ms to load. Resolves with
 * undefined when it succeeded, else with why not, in the program's own words as far as it has said any.
 */
export function runSmallProgram(
  file: string,
  args: readonly string[],
  { cwd, env, limitMs }: SmallProgramOptions,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { cwd, env, timeout: limitMs }, (error, _stdout, stderr) => {
      resolve(error === null ? undefined : stderr.trim() || error.message);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}
