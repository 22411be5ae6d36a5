/*
 * What a module runner may throw to say how its job ended. A runner's file may import these from
 * another copy of rbit-ts (a global one, an older one), so they are recognised by a registered
 * symbol, never by `instanceof`.
 */

const FAILED = Symbol.for('rbit-ts.Failed');
const BLOCKED = Symbol.for('rbit-ts.Blocked');

/** Thrown by a runner: the job has failed for good and is not retried. `data` goes to the requester. */
export class Failed extends Error {
  override readonly name = 'Failed';
  readonly [FAILED] = true;
  readonly data: unknown;

  constructor(message: string, data?: unknown) {
    super(message);
    this.data = data;
  }
}

/** Thrown by a runner: not now. The job goes back to its queue and runs again later. */
export class Blocked extends Error {
  override readonly name = 'Blocked';
  readonly [BLOCKED] = true;
  /** Milliseconds, or a duration such as `10m`; without it the runner's `blocked-delay` decides. */
  readonly delay: number | string | undefined;

  constructor(reason: string, options: { delay?: number | string } = {}) {
    super(reason);
    this.delay = options.delay;
  }
}

/** True for a Failed of any copy of rbit-ts. */
export function isFailed(value: unknown): value is Failed {
  return value instanceof Error && (value as { [FAILED]?: unknown })[FAILED] === true;
}

/** True for a Blocked of any copy of rbit-ts. */
export function isBlocked(value: unknown): value is Blocked {
  return value instanceof Error && (value as { [BLOCKED]?: unknown })[BLOCKED] === true;
}
