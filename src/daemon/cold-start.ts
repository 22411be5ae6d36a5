import type { Config } from '../config/config.ts';
import { findStarterProblem } from '../processors/starter/find-starter-problem.ts';

/** Why the daemon will have to fork jobs itself that were to have a warm start; undefined when it will not. */
export async function describeColdStart(
  { runners }: Pick<Config, 'runners'>,
  findProblem = findStarterProblem,
): Promise<string | undefined> {
  const isWanted = [...runners.values()].some(
    ({ processor, warmStart }) => warmStart && ['shell', 'exec'].includes(processor),
  );
  const problem = isWanted ? await findProblem() : undefined;
  return problem === undefined
    ? undefined
    : `no warm start for shell! and exec!: ${problem}; the daemon starts their jobs itself, and stands still for a ` +
        'millisecond or more each time (install python3, or write warm-start = no)';
}
