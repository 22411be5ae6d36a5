import type { EventEmitter } from 'node:events';
import type { Outcome } from './outcome.ts';

/** Which run of which job a fact is about. */
export interface RunFacts {
  readonly queue: string;
  readonly runner: string;
  readonly id: string;
  readonly attempt: number;
  /** Counts what this process took in hand, from 1: ids may be equal. Absent where nothing was taken in hand. */
  readonly run?: number;
}

/**
 * What the requester was told at the end of a run; `none`: nothing, since the job is not over or nobody asked. `dropped`:
 * nobody can receive it. `waiting`: the reply waits until the message, whose delivery was lost, comes again.
 */
export type Told = 'completed' | 'failed' | 'none' | 'dropped' | 'waiting';

/**
 * Every fact that a worker announces. The log words them, metrics count them; nobody decides anything by them.
 * Durations are milliseconds.
 */
export interface WorkEvents {
  /** `waitedMs`: since its message was sent, by the sender's clock; only for a first run, and if its sender said when. */
  'job:begun': [RunFacts & { redelivered: boolean; waitedMs?: number }];
  /** The run is over, however it ended; `durationMs` is what it took alone. Once for each `job:begun`. */
  'job:ran': [RunFacts & { durationMs: number }];
  'job:output': [RunFacts & { line: string }];
  'job:progress': [RunFacts & { percent: number; message?: string }];
  /**
   * The run is over and the broker was told: `disposal` says what, `because` why. `durationMs` is since its message was
   * in hand. `isFinal`: so is the job. `goesBack`: it runs again. Neither, where it was answered before. `isRepeated`: by
   * its record, since the message came again after its run had ended. `keptAt`: when its message was kept as a dead letter,
   * as that says itself.
   */
  'job:ended': [
    RunFacts & {
      outcome: Outcome;
      isFinal: boolean;
      goesBack: boolean;
      isRepeated: boolean;
      durationMs: number;
      disposal: string;
      reply: Told;
      because: string;
      keptAt?: string;
    },
  ];
  /** A message came again while its job still runs, or waits for its acknowledgement: it was joined, not run again. */
  'job:joined': [RunFacts];
  /** The job has ended, and its reply waits until its message, whose delivery was lost, has come again. */
  'reply:waiting': [RunFacts & { status: string }];
  /** A copy of the message was published twice, and the other one was or is worked: this one was taken off its queue. */
  'job:duplicate': [RunFacts];
  /** It is one crash from its limit, and waits until another such job has ended. */
  'job:suspect': [RunFacts & { crashes: number }];
  /** An operator called it off; that it has ended is announced when it has. */
  'job:cancelled': [RunFacts];
  /** A runner did not end in time after its abort; its slot is free all the same. */
  'job:stuck': [RunFacts & { afterMs: number }];
  /** The broker has confirmed a reply. */
  'reply:sent': [{ status: string }];
  /** A reply that nobody can receive, or that the broker refuses. `isRepeated`: as for one before it, of the same job or to the same queue. */
  'reply:dropped': [{ runner: string; replyTo: string; status: string; reason: string; isRepeated: boolean }];
  /** The broker cannot do with the message what was decided; it is kept, and something else is done after `waitMs`. */
  'settle:stuck': [RunFacts & { disposal: string; reason: string; waitMs: number }];
  /** Nothing can be written to the journal: all queues are paused, and what is in hand waits. */
  'journal:lost': [{ reason: string; retryInMs: number }];
  'journal:open': [{ file: string }];
  'queue:paused': [{ queue: string; runner: string; reason: string; retryInMs: number }];
  'queue:probing': [{ queue: string }];
  'queue:resumed': [{ queue: string }];
  /** An operator paused the queue: nothing new is taken until an operator resumes it, or the daemon is started again. */
  'queue:held': [{ queue: string }];
  /** An operator lets it go on: it is worked again, as far as its runner and the journal let it. */
  'queue:released': [{ queue: string }];
  /** Something happened that the code holds to be impossible. The job is answered as failed, its message kept. */
  bug: [{ where: string; error: unknown }];
}

export type Announcer = EventEmitter<WorkEvents>;
