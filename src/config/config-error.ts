import type { Config } from './config.ts';
import { formatProblem, type Problem } from './problem.ts';

/**
 * What is sound in a configuration that cannot be used: the runners without a problem that says how they start; of `rbit`,
 * the keys without one.
 */
export type SoundParts = Pick<Config, 'files' | 'rbit' | 'runners' | 'processors' | 'secrets'>;

/** The configuration cannot be used. Holds every problem that was found, in the order of files and lines; nothing was started. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  /** To look for further problems in; undefined when that has been done, or the files could not be read. */
  readonly sound: SoundParts | undefined;
  /** What is merely odd, in the same order. */
  readonly warnings: readonly Problem[];

  constructor(problems: readonly Problem[], sound?: SoundParts, warnings: readonly Problem[] = []) {
    super(problems.map((problem) => formatProblem(problem)).join('\n'));
    this.problems = problems;
    this.sound = sound;
    this.warnings = warnings;
  }
}
