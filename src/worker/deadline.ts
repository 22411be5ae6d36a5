import { formatDuration } from '../job/duration.ts';
import { cancelled, crashed, type Outcome } from '../job/outcome.ts';
import type { CallOff, Cause } from './call-off.ts';

/** Node's timers overflow to 1 ms beyond this; a longer limit is waited for in turns. */
const LONGEST_TIMER_MS = 2_147_483_647;
/** A timer that is so late shows that the daemon stood still, and that nobody has heard yet what came meanwhile. */
const LATE_MS = 250;
/** It is heard in this time, also from a thread that stood still as well. */
const HEAR_MS = 500;
/** How long after its abort and its grace a runner is believed to be still ending its job. */
const STUCK_AFTER_MS = 15_000;

const nothing = (): void => {};

export interface Limits {
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** How long it may show no sign of life. Undefined: as long as it likes. */
  readonly idleTimeoutMs: number | undefined;
  readonly killGraceMs: number;
  /** The runner ignored its abort; it is given up. */
  readonly onStuck: (afterMs: number) => void;
}

/**
 * Runs one job within its limits. Once the run was aborted, what it returns does not count: nobody can tell an
 * orderly end from a job that was cut short, and to run twice is better than to lose one. But for one thing: a job whose time was
 * up while another one kept it from running had no time of its own. A cancelled job is not run
 * again, even if it was being ended for another reason. `run` calls `heard` at each sign of life.
 */
export async function runWithin(
  { timeoutMs, idleTimeoutMs, killGraceMs, onStuck }: Limits,
  callOff: CallOff,
  run: (signal: AbortSignal, heard: () => void) => Promise<Outcome>,
): Promise<Outcome> {
  let giveUp: (outcome: Outcome) => void = nothing;
  let stuckTimer: NodeJS.Timeout | undefined;
  const awaitEnd = (): void => {
    const limitMs = killGraceMs + STUCK_AFTER_MS;
    stuckTimer = setTimeout(() => {
      onStuck(limitMs);
      if (callOff.cause !== undefined) giveUp(outcomeOf(callOff.cause));
    }, limitMs);
  };
  if (callOff.cause === undefined) callOff.onCalledOff = awaitEnd;
  else awaitEnd();
  const stopTimer = startTimer(timeoutMs, (afterMs) => callOff.now({ kind: 'timeout', afterMs }));
  const silence = watchSilence(idleTimeoutMs, (afterMs) => callOff.now({ kind: 'silence', afterMs }));
  try {
    // No race of promises: each job would pay for it.
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      giveUp = resolve;
      run(callOff.signal, silence.heard).then(resolve, reject);
    });
    return callOff.cause === undefined ? outcome : outcomeAfter(callOff.cause, outcome);
  } finally {
    callOff.onCalledOff = nothing;
    stopTimer();
    silence.stop();
    if (stuckTimer !== undefined) clearTimeout(stuckTimer);
  }
}

function outcomeAfter(cause: Cause, returned: Outcome): Outcome {
  const isOverdue = cause.kind === 'timeout' || cause.kind === 'silence';
  if (!isOverdue || returned.kind !== 'interrupted' || returned.isUnheard !== true) return outcomeOf(cause);
  return { kind: 'interrupted', reason: returned.reason };
}

function outcomeOf(cause: Cause): Outcome {
  switch (cause.kind) {
    case 'timeout':
      return crashed(`timed out after ${formatDuration(cause.afterMs)}`);
    case 'silence':
      return crashed(`said nothing for ${formatDuration(cause.afterMs)}`);
    case 'shutdown':
      return { kind: 'interrupted', reason: 'the daemon stopped' };
    case 'cancel':
      return cancelled();
  }
}

const UNWATCHED = { heard: nothing, stop: nothing };

/** Signs of life come by the thousand, so they only note the time; the timer looks at it when it is due. */
function watchSilence(
  limitMs: number | undefined,
  onSilence: (afterMs: number) => void,
): { readonly heard: () => void; readonly stop: () => void } {
  if (limitMs === undefined) return UNWATCHED;
  let heardAt = performance.now();
  let stop = nothing;
  const look = (): void => {
    const leftMs = Math.ceil(heardAt + limitMs - performance.now());
    if (leftMs > 0) stop = startTimer(leftMs, look);
    else onSilence(limitMs);
  };
  stop = startTimer(limitMs, look);
  return {
    heard: () => {
      heardAt = performance.now();
    },
    stop: () => stop(),
  };
}

function startTimer(limitMs: number | undefined, onEnd: (afterMs: number) => void): () => void {
  if (limitMs === undefined) return nothing;
  let leftMs = limitMs;
  let timer: NodeJS.Timeout;
  let dueAt = performance.now() + limitMs;
  const end = (): void => {
    const isLate = performance.now() - dueAt > LATE_MS;
    dueAt = Number.POSITIVE_INFINITY;
    if (isLate) timer = setTimeout(end, HEAR_MS);
    else onEnd(limitMs);
  };
  const wait = (): void => {
    const turnMs = Math.min(leftMs, LONGEST_TIMER_MS);
    leftMs -= turnMs;
    timer = setTimeout(leftMs > 0 ? wait : end, turnMs);
  };
  wait();
  return () => clearTimeout(timer);
}
