import { setMaxListeners } from 'node:events';
import { cancelled, crashed, type Outcome } from '../job/outcome.ts';
import { formatDuration } from '../job/duration.ts';

/** Node's timers overflow to 1 ms beyond this; a longer limit is waited for in turns. */
const LONGEST_TIMER_MS = 2_147_483_647;
/** How long after its abort and its grace a runner is believed to be still ending its job. */
const STUCK_AFTER_MS = 15_000;

export interface Limits {
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** How long it may show no sign of life. Undefined: as long as it likes. */
  readonly idleTimeoutMs: number | undefined;
  readonly killGraceMs: number;
  /** Aborts when the daemon ends what is still running. */
  readonly stopping: AbortSignal;
  /** Aborts when somebody cancels this job. */
  readonly cancelling: AbortSignal;
  /** The runner ignored its abort; it is given up. */
  readonly onStuck: (afterMs: number) => void;
}

const REASONS = {
  timeout: 'timed out',
  silence: 'said nothing for too long',
  shutdown: 'the daemon stops',
  cancel: 'cancelled',
};

type Cause =
  | { readonly kind: 'timeout' | 'silence'; readonly afterMs: number }
  | { readonly kind: 'shutdown' | 'cancel' };

/**
 * Runs one job within its limits. Once the run was aborted, what it returns does not count: nobody can tell an
 * orderly end from a job that was cut short, and to run twice is better than to lose one. A cancelled job is not run
 * again, even if it was being ended for another reason. `run` calls `heard` at each sign of life.
 */
export async function runWithin(
  { timeoutMs, idleTimeoutMs, killGraceMs, stopping, cancelling, onStuck }: Limits,
  run: (signal: AbortSignal, heard: () => void) => Promise<Outcome>,
): Promise<Outcome> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  let cause: Cause | undefined;
  let giveUp = (_outcome: Outcome): void => {};
  let stuckTimer: NodeJS.Timeout | undefined;

  const abort = (why: Cause): void => {
    const isFirst = cause === undefined;
    if (isFirst || why.kind === 'cancel') cause = why;
    if (!isFirst) return;
    const limitMs = killGraceMs + STUCK_AFTER_MS;
    stuckTimer = setTimeout(() => {
      onStuck(limitMs);
      giveUp(outcomeOf(cause ?? why));
    }, limitMs);
    controller.abort(new Error(REASONS[why.kind]));
  };

  const stopTimer = startTimer(timeoutMs, () => abort({ kind: 'timeout', afterMs: timeoutMs ?? 0 }));
  const silence = watchSilence(idleTimeoutMs, () => abort({ kind: 'silence', afterMs: idleTimeoutMs ?? 0 }));
  const onStopping = (): void => abort({ kind: 'shutdown' });
  const onCancel = (): void => abort({ kind: 'cancel' });
  stopping.addEventListener('abort', onStopping);
  cancelling.addEventListener('abort', onCancel);
  if (cancelling.aborted) onCancel();
  if (stopping.aborted) onStopping();
  try {
    // No race of promises: each job would pay for it.
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      giveUp = resolve;
      run(controller.signal, silence.heard).then(resolve, reject);
    });
    return cause === undefined ? outcome : outcomeOf(cause);
  } finally {
    stopTimer();
    silence.stop();
    if (stuckTimer !== undefined) clearTimeout(stuckTimer);
    stopping.removeEventListener('abort', onStopping);
    cancelling.removeEventListener('abort', onCancel);
  }
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

const UNWATCHED = { heard: (): void => {}, stop: (): void => {} };

/** Signs of life come by the thousand, so they only note the time; the timer looks at it when it is due. */
function watchSilence(
  limitMs: number | undefined,
  onSilence: () => void,
): { readonly heard: () => void; readonly stop: () => void } {
  if (limitMs === undefined) return UNWATCHED;
  let heardAt = performance.now();
  let stop = (): void => {};
  const look = (): void => {
    const leftMs = Math.ceil(heardAt + limitMs - performance.now());
    if (leftMs > 0) stop = startTimer(leftMs, look);
    else onSilence();
  };
  stop = startTimer(limitMs, look);
  return {
    heard: () => {
      heardAt = performance.now();
    },
    stop: () => stop(),
  };
}

function startTimer(limitMs: number | undefined, onEnd: () => void): () => void {
  if (limitMs === undefined) return () => {};
  let leftMs = limitMs;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const turnMs = Math.min(leftMs, LONGEST_TIMER_MS);
    leftMs -= turnMs;
    timer = setTimeout(leftMs > 0 ? wait : onEnd, turnMs);
  };
  wait();
  return () => clearTimeout(timer);
}
