import type { FaultRecord } from './faults.ts';
import type { Run } from './ledger.ts';
import type { PlannedJob, PlannedRelease } from './plan.ts';
import type { HostName } from './queues.ts';
import type { HeardReply } from './requester.ts';

/** A job that was sent, or may have been. */
export interface SubmittedJob extends Pick<PlannedJob, 'key' | 'queue' | 'kind' | 'tries'> {
  /** False: the broker went before it confirmed the message, which therefore has one life or none. */
  readonly isSure: boolean;
}

/** A release and how far it came. */
export interface SubmittedRelease extends Pick<PlannedRelease, 'key' | 'queue'> {
  /** Steps whose message was confirmed. */
  readonly sureSteps: number;
  /** The step after them may have been sent: the release was given up there. */
  readonly hasMaybeStep: boolean;
}

/** A message that lay on a dead-letter queue at the end. */
export interface DeadLetter {
  readonly key: string;
  readonly queue: string;
  /** Empty when its header is missing. */
  readonly reason: string;
  /** Who put it there, and when (milliseconds since 1970). */
  readonly host: HostName | undefined;
  readonly atMs: number;
}

/** All that is known when a campaign is over. */
export interface Evidence {
  readonly jobs: readonly SubmittedJob[];
  readonly releases: readonly SubmittedRelease[];
  /** In the order in which they came, copies included. */
  readonly replies: readonly HeardReply[];
  /** In the order in which they began. */
  readonly runs: readonly Run[];
  readonly faults: readonly FaultRecord[];
  readonly deadLetters: readonly DeadLetter[];
  /** Messages per queue, those in somebody's hands included; without dead-letter and reply queues. */
  readonly depths: ReadonlyMap<string, number>;
  /** Processes of this campaign that still lived when its daemons had stopped, in words. */
  readonly leftovers: readonly string[];
  /** What daemons did that none should, in words. */
  readonly troubles: readonly string[];
}
