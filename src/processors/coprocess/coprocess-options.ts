import type { RunList } from '../child/run-list.ts';
import type { Limits, Log } from '../options.ts';

/** What the processes of one pool have in common. */
export interface CoprocessOptions {
  readonly command: { readonly file: string; readonly args: readonly string[] };
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment of the processes. */
  readonly env: Readonly<Record<string, string>>;
  /** Handed over with each job. */
  readonly settings: Readonly<Record<string, string>>;
  readonly limits: Limits;
  /** How many there may be: each works one job at a time. */
  readonly size: number;
  /** How many jobs one works before another takes its place; 0: no limit. */
  readonly maxJobs: number;
  readonly killGraceMs: number;
  /**
   * `standard`: jobs come on standard input, answers go to standard output. `apart`: jobs on file descriptor 3,
   * answers to 4; standard input is empty, and both standard outputs are the jobs' output.
   */
  readonly channel: 'standard' | 'apart';
  /** The processes say `{"ready": true}` or `{"unavailable": "why"}` before their first job; they are waited for. */
  readonly announces: boolean;
  readonly runList?: RunList | undefined;
  readonly log?: Log | undefined;
}
