import type { Log } from '../options.ts';

const MIB = 1024 * 1024;

/**
 * The heap of one thread or process in MiB, for a `memory` in bytes, and says so in the log. V8 reserves far more
 * addresses than it uses, so an rlimit would leave it nothing to start with.
 */
export function heapLimitMib(
  memory: number | undefined,
  each: string,
  log: Log | undefined,
): number | undefined {
  if (memory === undefined) return undefined;
  log?.(
    'info',
    `memory is limited to the heap of each ${each}: what lies outside of it, as buffers do, is not counted`,
    {
      memory,
    },
  );
  return Math.max(1, Math.floor(memory / MIB));
}
