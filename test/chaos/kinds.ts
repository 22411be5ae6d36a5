/** Runs after the first that a crash or a timeout gets: `retries` of every runner of a campaign. */
export const RETRIES = 2;
/** Of the queues whose jobs never end by themselves. */
export const ENDLESS_TIMEOUT_MS = 1500;

/** What a job of one kind does, and what has to become of it. */
export interface Kind {
  /** How many runs it takes; `tries` are the runs that do not come to an end, where a job has such. */
  readonly neededRuns: (tries: number) => number;
  readonly status: 'completed' | 'failed';
  /** What the failed reply says. */
  readonly message?: RegExp;
  readonly isDeadLettered: boolean;
}

const ended = { neededRuns: () => 1, status: 'completed', isDeadLettered: false } as const;
const failed = { ...ended, status: 'failed' } as const;

export const KINDS = {
  done: ended,
  long: ended,
  failed: { ...failed, message: /^declared/ },
  crash: { ...ended, neededRuns: (tries) => tries + 1 },
  'crash-out': { ...failed, neededRuns: () => RETRIES + 1 },
  blocked: { ...ended, neededRuns: (tries) => tries + 1 },
  endless: { ...failed, neededRuns: () => RETRIES + 1, message: /^timed out/, isDeadLettered: true },
  missing: { ...failed, neededRuns: () => 0, message: /^missing required keys/ },
  undecodable: { ...failed, neededRuns: () => 0, message: /cannot be decoded/, isDeadLettered: true },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;

/** Looks a kind up as what it is in general. */
export function kindOf(name: KindName): Kind {
  return KINDS[name];
}
