import type { Command } from 'commander';
import type { DrainEnd } from '../daemon/stint/drained.ts';
import type { Stint, StintLimits } from '../daemon/stint/stint.ts';
import { EXIT } from './exit-codes.ts';
import { parseCountOption } from './option-parsers.ts';

/** `--once` and `--max-jobs`, as they were given. */
export interface StintOptions {
  readonly once?: boolean;
  readonly maxJobs?: number;
}

/** Lets a command end by itself, for cron and CI. */
export function addStintOptions(command: Command): Command {
  return command
    .option('--once', 'work what waits in the queues, then end')
    .option('--max-jobs <n>', 'take so many jobs, then end', parseCountOption);
}

/** Undefined: only an operator ends it. */
export function stintLimits({ once = false, maxJobs }: StintOptions): StintLimits | undefined {
  return once || maxJobs !== undefined ? { once, maxJobs } : undefined;
}

/** The exit status of a stint that has stopped; `end` is undefined where an operator ended it. */
export function stintStatus({ tally }: Stint, end: DrainEnd | undefined): number {
  if (tally.hasFailed) return EXIT.jobFailed;
  switch (end?.kind) {
    case 'taken':
      return tally.hasFault ? EXIT.tempFail : EXIT.ok;
    case 'incomplete':
      return EXIT.tempFail;
    case 'out-of-reach':
      return EXIT.brokerUnusable;
    case 'complete':
    case undefined:
      return EXIT.ok;
  }
}
