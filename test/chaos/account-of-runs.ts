import { extraRuns, faultAround, secondLives } from './causes.ts';
import type { Evidence, SubmittedRelease } from './evidence.ts';
import { groupBy } from './group-by.ts';
import { kindOf } from './kinds.ts';
import type { Run } from './ledger.ts';

/** What the ledger says. */
export interface AccountOfRuns {
  readonly problems: string[];
  readonly needed: number;
  /** By the words of their cause. */
  readonly extra: ReadonlyMap<string, number>;
  /** Times that a job ran on a host while an earlier run of it was still there. */
  readonly overlaps: number;
  /** The same, where there were two messages of the job for a reason that is known. */
  readonly overlapsOfTwo: number;
}

const UNEXPLAINED = 'unexplained';

/** Counts the runs beyond the needed ones by their causes, and finds runs that must not be. */
export function accountOfRuns({ jobs, releases, runs, faults }: Evidence): AccountOfRuns {
  const problems: string[] = [];
  const extra = new Map<string, number>();
  const byKey = groupBy(runs, ({ key }) => key);
  let needed = 0;
  let overlaps = 0;
  let overlapsOfTwo = 0;

  function count(cause: string | undefined, what: string): void {
    const name = cause ?? UNEXPLAINED;
    extra.set(name, (extra.get(name) ?? 0) + 1);
    if (cause === undefined) problems.push(`${what}: run again, and nothing explains it`);
  }

  for (const { key, queue, kind, tries } of jobs) {
    const own = byKey.get(key) ?? [];
    byKey.delete(key);
    const attempts = kindOf(kind).neededRuns(tries);
    if (own.length > 0) needed += attempts;
    for (const run of own.filter(({ attempt }) => attempt > attempts))
      problems.push(`${describe(run)} of ${queue} (${kind}): an attempt too many, ${attempts} were needed`);
    for (const { run, cause } of extraRuns(own, faults))
      count(cause?.words, `${describe(run)} of ${queue} (${kind})`);
    for (const run of overlapping(own)) {
      // Two messages of one job are two jobs for whoever gets both.
      if (secondLives(own.slice(0, own.indexOf(run) + 1), faults) > 0) {
        overlapsOfTwo += 1;
        continue;
      }
      overlaps += 1;
      problems.push(`${describe(run)} of ${queue} (${kind}): began while an earlier run was still there`);
    }
  }
  for (const release of releases) {
    const own = byKey.get(release.key) ?? [];
    byKey.delete(release.key);
    needed += Math.min(own.length, release.sureSteps);
    for (const cause of extraSteps(release, own, faults)) count(cause, `${release.key}: a step`);
  }
  for (const [key] of byKey) problems.push(`${key}: ran, but was never sent`);
  return { problems, needed, extra, overlaps, overlapsOfTwo };
}

/** Steps are equal, so that nobody can say which run was of which: as many are explained as were in danger. */
export function extraSteps(
  { sureSteps, hasMaybeStep }: SubmittedRelease,
  runs: readonly Run[],
  faults: Evidence['faults'],
): (string | undefined)[] {
  const most = sureSteps + (hasMaybeStep ? 1 : 0);
  const last = runs.at(-1);
  if (last === undefined || runs.length <= most) return [];
  const inDanger = runs.filter((run) => faultAround(run, last.beganMs, faults) !== undefined);
  return runs.slice(most).map((_, index) => {
    const run = inDanger[index];
    if (run === undefined) return undefined;
    if (run.endedMs === undefined || run.how === 'aborted') return 'a step that was cut short';
    return new Set(runs.map(({ host }) => host)).size > 1
      ? 'a step that went to another host'
      : 'a step that nobody can tell from an equal one';
  });
}

/** The runs that began on a host before an earlier one there had ended. */
function overlapping(runs: readonly Run[]): Run[] {
  return runs.filter(
    (run, index) =>
      run.overlapped ||
      runs
        .slice(0, index)
        .some(({ host, endedMs }) => host === run.host && endedMs !== undefined && endedMs > run.beganMs),
  );
}

function describe({ key, attempt, host, beganMs }: Run): string {
  return `${key} (attempt ${attempt} on ${host} at ${new Date(beganMs).toISOString().slice(11, 23)})`;
}
