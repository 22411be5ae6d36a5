/** A time that a step may take, within what somebody else may end at any time. */
export interface TimeLimit {
  /** Aborts when the time is over, or the other signal does. */
  readonly signal: AbortSignal;
  /** True once the time is over. */
  readonly isOver: boolean;
  /** Starts the time anew. */
  restart(): void;
  /** Has to be called when the step is done: the timer keeps the process alive. */
  end(): void;
}

/** A limit of so many milliseconds from now. */
export function createTimeLimit(limitMs: number, outer: AbortSignal): TimeLimit {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error(`no more than ${limitMs} ms`)), limitMs);
  return {
    signal: AbortSignal.any([outer, over.signal]),
    get isOver() {
      return over.signal.aborted;
    },
    restart() {
      timer.refresh();
    },
    end() {
      clearTimeout(timer);
    },
  };
}
