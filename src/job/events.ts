import type { EventEmitter } from 'node:events';
import type { Outcome } from './outcome.ts';

/** Which run of which job a fact is about. */
export interface RunFacts {
  readonly queue: string;
  readonly runner: string;
  readonly id: string;
  readonly attempt: number;
}

/**
 * Every fact that a worker announces. The log words them, metrics count them; nobody decides anything by them.
 * Durations are milliseconds.
 */
export interface WorkEvents {
  'job:begun': [RunFacts & { redelivered: boolean }];
  'job:output': [RunFacts & { line: string }];
  'job:progress': [RunFacts & { percent: number; message?: string }];
  /** The run is over and the broker was told: `disposal` says what, `because` why. */
  'job:ended': [RunFacts & { outcome: Outcome; durationMs: number; disposal: string; because: string }];
  /** A message came again while its job still runs, or waits for its acknowledgement: it was joined, not run again. */
  'job:joined': [RunFacts];
  /** The job has ended, and its reply waits until its message, whose delivery was lost, has come again. */
  'reply:waiting': [RunFacts & { status: string }];
  /** A copy of the message was published twice, and the other one was or is worked: this one was taken off its queue. */
  'job:duplicate': [RunFacts];
  /** It is one crash from its limit, and waits until another such job has ended. */
  'job:suspect': [RunFacts & { crashes: number }];
  /** A runner did not end in time after its abort; its slot is free all the same. */
  'job:stuck': [RunFacts & { afterMs: number }];
  /** A reply that nobody can receive, or that the broker refuses. */
  'reply:dropped': [{ runner: string; replyTo: string; status: string; reason: string }];
  /** The broker cannot do with the message what was decided; it is kept, and something else is done after `waitMs`. */
  'settle:stuck': [RunFacts & { disposal: string; reason: string; waitMs: number }];
  /** Nothing can be written to the journal: all queues are paused, and what is in hand waits. */
  'journal:lost': [{ reason: string; retryInMs: number }];
  'journal:open': [{ file: string }];
  'queue:paused': [{ queue: string; runner: string; reason: string; retryInMs: number }];
  'queue:probing': [{ queue: string }];
  'queue:resumed': [{ queue: string }];
  /** Something happened that the code holds to be impossible. The job is answered as failed, its message kept. */
  bug: [{ where: string; error: unknown }];
}

export type Announcer = EventEmitter<WorkEvents>;
