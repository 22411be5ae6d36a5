import type { Publication } from '../broker/broker.ts';
import { type FinalEvent, type HeardMessage, isFinal, readJobEvent } from './read-job-event.ts';
import { publicationOf, type Submission } from './submission.ts';
import { createTally, type Tally } from './tally.ts';

/** Many equal jobs: `ID.1` to `ID.COUNT`. */
export interface Batch {
  readonly tally: Tally;
  /** The id of one of them, counted from 0. */
  readonly idOf: (index: number) => string;
  /** The message for one of them; its time starts now. */
  readonly publicationOf: (index: number) => Publication;
  /** Takes what comes to the reply queue; each job's first final reply counts. */
  readonly hear: (heard: HeardMessage) => void;
}

export interface BatchOptions {
  /** What they have in common; its id is the first part of theirs. */
  readonly job: Submission;
  readonly count: number;
  readonly onEnd: (id: string, event: FinalEvent) => void;
}

/** A batch of which nothing is sent yet. */
export function createBatch({ job, count, onEnd }: BatchOptions): Batch {
  const tally = createTally(count);
  const prefix = `${job.id}.`;
  const idOf = (index: number): string => `${prefix}${index + 1}`;
  return {
    tally,
    idOf,
    publicationOf(index) {
      tally.sent(index);
      return publicationOf({ ...job, id: idOf(index) });
    },
    hear(heard) {
      const { correlationId = '' } = heard.message.properties;
      if (!correlationId.startsWith(prefix)) return;
      const event = readJobEvent(heard);
      if (event === undefined || !isFinal(event)) return;
      const index = Number(correlationId.slice(prefix.length)) - 1;
      if (tally.ended(index, event.event)) onEnd(correlationId, event);
    },
  };
}
