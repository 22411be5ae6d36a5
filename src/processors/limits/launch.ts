import type { Held } from './held.ts';
import { isHeeded } from './heeded.ts';
import { requireTool } from './tool.ts';

/** A program with its arguments and the whole of its environment. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A program that is ready to be started within its limits. */
export interface Launch extends Program {
  /** What keeps its processes together, whatever they do: for the end of the whole tree. */
  readonly held?: Held | undefined;
  /** To be called once when nothing of it is left, or it could not be started. Tells whether it was ended for its memory. */
  readonly release: () => { readonly isOverMemory: boolean };
}

/**
 * The same program, started by those of `chain`, each of which becomes the next one. They run with the daemon's rights:
 * what would have them run other code than their own reaches only the program, by env(1), which comes last.
 */
export function throughChain(chain: readonly string[], program: Program): Program {
  const [file, ...args] = chain;
  if (file === undefined) return program;
  const variables = Object.entries(program.env);
  const heeded = variables.filter(([name]) => isHeeded(name));
  return {
    file,
    args: [...args, ...handOver(heeded), ...withoutEquals(program.file, heeded.length > 0), ...program.args],
    env: Object.fromEntries(variables.filter(([name]) => !isHeeded(name))),
  };
}

/** Only these: others can read what is on a command line. */
function handOver(variables: ReadonlyArray<readonly [name: string, value: string]>): string[] {
  return variables.length === 0
    ? []
    : [requireTool('env'), ...variables.map(([name, value]) => `${name}=${value}`)];
}

/** To env(1), what has a `=` in its path would be a variable. */
function withoutEquals(file: string, isForEnv: boolean): string[] {
  return isForEnv && file.includes('=') ? ['/bin/sh', '-c', 'exec "$@"', 'rbit-ts', file] : [file];
}
