/** What may stand before the `!` of a runner's line, besides the names of `[processor:NAME]` sections. */
export const processors = ['shell', 'exec', 'module', 'coprocess', 'python'] as const;

/** How a runner's jobs are run, as far as it decides which keys mean anything. `own`: by a `[processor:NAME]`. */
export type Way =
  | Exclude<(typeof processors)[number], 'module'>
  | 'module thread'
  | 'module process'
  | 'module none'
  | 'own';

/** Each job is a process of its own, which ends with an exit code. */
export const COMMANDS: readonly Way[] = ['shell', 'exec'];
/** Processes live on from job to job. */
export const WARM: readonly Way[] = ['coprocess', 'python', 'module process'];
export const PROCESSES: readonly Way[] = [...COMMANDS, ...WARM];

/** How the jobs of a runner with this processor are run; undefined where there is none such, not in `own` either. */
export function wayOf(
  processor: string,
  isolation: 'thread' | 'process' | 'none',
  own: ReadonlySet<string>,
): Way | undefined {
  const known = processors.find((one) => one === processor);
  if (known === 'module') return `module ${isolation}`;
  return known ?? (own.has(processor) ? 'own' : undefined);
}

/** A way in the words of an INI file, such as `module! with isolation = process`. */
export function describeWay(way: Way, processor: string): string {
  const [, isolation] = way.split(' ');
  return isolation === undefined ? `${processor}!` : `module! with isolation = ${isolation}`;
}
