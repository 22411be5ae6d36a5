import { EventEmitter, once } from 'node:events';
import type { Verdict } from '../job/verdict.ts';
import type { Ending, Journal } from '../journal/journal.ts';

/*
 * A stored message may come again until its acknowledgement was heard, and what tells that it is stored is the job in the
 * file, or its final reply. So that reply waits there until the acknowledgement was heard, now or when the message has
 * come again. This also tells the message from the next step of its release, which may have nothing but the same
 * correlation id: before the end of the first is heard there is no second. If nothing is heard for long the reply is
 * sent, and the record of such a message is forgotten before: from then on an equal one is another.
 */

/** Longer than a queue takes to be consumed again. A reply is late by that if the acknowledgement arrived, and nobody heard so. */
const LIMIT_MS = 5_000;

const BECAUSE =
  'it was written to disk, to be worked from there, and its acknowledgement may have been written';

/** The verdict of a message that is on the disk, from when its acknowledgement is written. */
export const ACKNOWLEDGING: Verdict = {
  outcome: { kind: 'interrupted', reason: BECAUSE },
  disposal: { kind: 'ack' },
  because: BECAUSE,
};

/** Whether the acknowledgement of a message with a correlation id alone may have been written. */
export function isInDoubt(ending: Ending | undefined): boolean {
  return ending?.verdict.because === BECAUSE;
}

export interface Doubts {
  /** The acknowledgement of a message was heard, and its record is forgotten. */
  clear(token: string): void;
  /** Resolves when the final reply of its job may be sent. Rejects when `signal` aborts. */
  cleared(token: string, signal: AbortSignal): Promise<void>;
}

/** `limitMs` is how long a reply waits at most. */
export function createDoubts(journal: Pick<Journal, 'find'>, limitMs: number = LIMIT_MS): Doubts {
  const heard = new EventEmitter().setMaxListeners(0);
  return {
    clear: (token) => void heard.emit(token),
    async cleared(token, signal) {
      if ((await journal.find(token)) === undefined) return;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
      // It rejects at the limit, too.
      const hearing = once(heard, token, { signal: limit }).catch(() => {});
      // It may have been heard meanwhile.
      if ((await journal.find(token)) === undefined) return;
      await hearing;
      signal.throwIfAborted();
      const record = await journal.find(token);
      if (isInDoubt(record?.ending)) await record?.forget();
    },
  };
}
