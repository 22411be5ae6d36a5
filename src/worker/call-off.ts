/** Why a job is ended before its own end. */
export type Cause =
  | { readonly kind: 'timeout' | 'silence'; readonly afterMs: number }
  | { readonly kind: 'shutdown' | 'cancel' };

const REASONS: Readonly<Record<Cause['kind'], string>> = {
  timeout: 'timed out',
  silence: 'said nothing for too long',
  shutdown: 'the daemon stops',
  cancel: 'cancelled',
};

const nothing = (): void => {};

/** Ends one job early, for whatever cause. */
export class CallOff {
  readonly #controller = new AbortController();
  #cause: Cause | undefined;
  /** Called when the job is called off, before anybody who listens to the signal. */
  onCalledOff: () => void = nothing;

  /** Aborts when the job is called off. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** The first cause counts; but a job that is cancelled is over, even if it was being ended for another cause. */
  now(cause: Cause): void {
    const isFirst = this.#cause === undefined;
    if (isFirst || cause.kind === 'cancel') this.#cause = cause;
    if (!isFirst) return;
    this.onCalledOff();
    this.#controller.abort(new Error(REASONS[cause.kind]));
  }
}
