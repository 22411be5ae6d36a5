import type { FaultRecord } from './faults.ts';
import type { FaultKind } from './plan-faults.ts';
import { SHUTDOWN_MS } from './project.ts';
import type { Run } from './ledger.ts';

/*
 * Why a job was run again. For one attempt (a retry, or a return after Blocked, is the next attempt) one run is needed.
 * Another one, B, is explained by an earlier one, A:
 *
 *   on A's host      only if A was cut short: its daemon was killed before A ended, or as it ended; or the daemon
 *                    was stopped and A with it; or the broker was killed and had not written the acknowledgement.
 *                    A lost connection explains nothing: the host knows what became of A
 *   on another host  if A's host was hit, or the broker, while A ran or before its message can have been settled
 *                    or if B's host was hit before B began: it had the message first, and read it late
 *   two copies       the message of the attempt before was copied twice, for one of these reasons
 */

/** Why a job was run again. */
export interface Cause {
  /** Equal causes are counted together. */
  readonly words: string;
  /** From then on there may be two messages of the job, of which each goes its way to a final reply of its own. */
  readonly isSecondLife: boolean;
}

/** A run beyond the needed ones; without a cause nothing explains it. */
export interface ExtraRun {
  readonly run: Run;
  readonly cause: Cause | undefined;
}

/** On a busy machine a daemon begins a job so long before the job writes that it began. */
const STARTING_MS = 1500;
/** Between the end of a run and its record in the journal. */
const RECORDING_MS = 1000;
/** Between the end of a run and the broker's word that reply and acknowledgement have come, without faults. */
export const SETTLING_MS = 5000;
/** What a fault does goes on for a while: heartbeats, reconnecting. */
const AFTERMATH_MS = 3000;
/** How long a message lies unread in a connection at most, until the broker gives it to somebody else. */
const LATE_MS = 15_000;

/** The runs beyond the needed ones among the runs of one job, and why they took place. */
export function extraRuns(runs: readonly Run[], faults: readonly FaultRecord[]): ExtraRun[] {
  return runs.flatMap((run, index) => {
    const before = runs.slice(0, index);
    const same = before.filter(({ attempt }) => attempt === run.attempt);
    if (same.length === 0) return [];
    const cause =
      firstOf(same, (earlier) => causeOf(earlier, run, faults)) ?? causeOfCopies(run, before, faults);
    return [{ run, cause }];
  });
}

function causeOf(earlier: Run, later: Run, faults: readonly FaultRecord[]): Cause | undefined {
  return earlier.host === later.host
    ? causeOnSameHost(earlier, later, faults)
    : causeOnAnother(earlier, later, faults);
}

function causeOnSameHost(earlier: Run, later: Run, faults: readonly FaultRecord[]): Cause | undefined {
  const isCutShortBy = ({ kind, fromMs }: FaultRecord): boolean => {
    const endedMs =
      earlier.how === 'aborted' ? Number.POSITIVE_INFINITY : (earlier.endedMs ?? Number.POSITIVE_INFINITY);
    if (kind === 'kill') return endedMs >= fromMs - RECORDING_MS;
    if (kind === 'deploy') return endedMs >= fromMs + SHUTDOWN_MS - RECORDING_MS;
    return false;
  };
  const between = faults.filter(
    ({ fromMs }) => fromMs >= earlier.beganMs - STARTING_MS && fromMs <= later.beganMs,
  );
  const isForgotten = between.some(
    ({ kind, fromMs }) => kind === 'broker-kill' && fromMs <= (earlier.endedMs ?? fromMs) + SETTLING_MS,
  );
  const fault = between.find((one) => one.host === earlier.host && isCutShortBy(one));
  // Both may have happened to one run that ended, and then its message may have come back beside its copy.
  const isSecondLife = isForgotten && earlier.endedMs !== undefined;
  if (fault !== undefined) return { words: `${wordsOf(fault.kind)} while it ran`, isSecondLife };
  return isForgotten
    ? { words: 'the broker was killed and forgot the acknowledgement', isSecondLife: true }
    : undefined;
}

function causeOnAnother(earlier: Run, later: Run, faults: readonly FaultRecord[]): Cause | undefined {
  const fault = faultAround(earlier, later.beganMs, faults);
  if (fault !== undefined)
    return { words: `went to another host: ${wordsOf(fault.kind)}`, isSecondLife: true };
  const late = faultBetween(later.host, later.beganMs - LATE_MS, later.beganMs, faults);
  if (late === undefined) return undefined;
  return { words: `read late, when another host had it: ${wordsOf(late.kind)}`, isSecondLife: true };
}

/** A copy of a message goes to any host, which knows of other copies only if they came to it. */
function causeOfCopies(run: Run, before: readonly Run[], faults: readonly FaultRecord[]): Cause | undefined {
  const lower = before.filter(({ attempt }) => attempt < run.attempt);
  if (secondLives(lower, faults) > 0)
    return { words: 'an attempt before it had been made twice', isSecondLife: true };
  if (new Set([...before, run].map(({ host }) => host)).size === 1) return undefined;
  const fault = firstOf(lower, (one) => faultAround(one, run.beganMs, faults));
  return fault && { words: `two copies of its message: ${wordsOf(fault.kind)}`, isSecondLife: true };
}

/** How many messages of one job there may have been beside the first, going by its runs. */
export function secondLives(runs: readonly Run[], faults: readonly FaultRecord[]): number {
  return extraRuns(runs, faults).filter(({ cause }) => cause?.isSecondLife === true).length;
}

/** The fault that may have kept a run's message from being settled before `untilMs`. */
export function faultAround(
  { host, beganMs, endedMs }: Run,
  untilMs: number,
  faults: readonly FaultRecord[],
): FaultRecord | undefined {
  const settledMs = Math.min(untilMs, (endedMs ?? untilMs) + SETTLING_MS);
  return faultBetween(host, beganMs, settledMs, faults);
}

/** A fault that this host felt at some time between two. */
export function faultBetween(
  host: Run['host'] | undefined,
  fromMs: number,
  toMs: number,
  faults: readonly FaultRecord[],
): FaultRecord | undefined {
  return faults.find(
    (fault) =>
      (fault.host === host || fault.host === 'broker') &&
      fault.fromMs <= toMs &&
      fault.toMs + AFTERMATH_MS >= fromMs,
  );
}

function wordsOf(kind: FaultKind): string {
  switch (kind) {
    case 'kill':
      return 'its daemon was killed';
    case 'deploy':
      return 'its daemon was stopped';
    case 'freeze':
      return 'its daemon was frozen';
    case 'broker-stop':
      return 'the broker was stopped';
    case 'broker-kill':
      return 'the broker was killed';
    case 'cut':
    case 'delay':
    case 'half-open':
    case 'black-hole':
    case 'refuse':
      return 'its connection was lost';
  }
}

function firstOf<T, R>(list: readonly T[], find: (one: T) => R | undefined): R | undefined {
  for (const one of list) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}
