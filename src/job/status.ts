/*
 * What a daemon says of itself when it is asked: plain data, as it goes over the control socket and out of
 * `status --json`. Secrets are masked; times are ISO 8601 in UTC.
 */

export interface DaemonStatus {
  readonly daemon: DaemonFacts;
  /** In the order of `queue-mappings`. */
  readonly queues: readonly QueueStatus[];
  /** Those whose messages are in hand, the oldest of each queue first. */
  readonly jobs: readonly JobStatus[];
}

export interface DaemonFacts {
  readonly pid: number;
  /** Of rbit-ts. */
  readonly version: string;
  readonly since: string;
  /** `stopping`: it takes nothing new, and waits for what is in hand. */
  readonly state: 'running' | 'stopping';
  /** Absolute paths of the INI files that it runs on. */
  readonly files: readonly string[];
}

export interface QueueStatus {
  readonly queue: string;
  readonly runner: string;
  readonly processor: string;
  /**
   * `probing`: the runner could not be started, and one job at a time is tried. `leaving`: it was removed by a reload, and
   * something of it is still in hand.
   */
  readonly state: 'consuming' | 'not-consumed' | 'paused' | 'probing' | 'leaving' | 'stopped';
  /** Who keeps jobs away, when it is paused or probing. */
  readonly by?: 'operator' | 'runner' | 'journal';
  /** Why it is not consuming, where that is known. */
  readonly reason?: string;
  /** Of all daemons together, as the broker counts; null when it does not say in time. */
  readonly consumers: number | null;
  /** Jobs of this daemon. */
  readonly running: number;
  /** Messages that nobody has in hand, as the broker counts; null as with `consumers`. */
  readonly waiting: number | null;
}

export interface JobStatus {
  readonly id: string;
  readonly queue: string;
  readonly runner: string;
  readonly attempt: number;
  /** Counts what the daemon took in hand, from 1: ids may be equal. */
  readonly run?: number;
  /** `waiting`: for a slot of its runner; `settling`: it has ended, and the broker has not heard everything yet. */
  readonly state: 'waiting' | 'running' | 'settling';
  /** When its message was taken in hand. */
  readonly since: string;
  /** When its run began. */
  readonly started?: string;
  readonly progress?: { readonly percent: number; readonly message?: string };
  readonly lastLine?: string;
}
