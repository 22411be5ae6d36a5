import type { Config } from '../config/config.ts';
import type { Announcer } from '../job/events.ts';
import type { Journal } from '../journal/journal.ts';
import { createMemoryJournal } from '../journal/memory-journal.ts';
import { createSqliteJournal } from '../journal/sqlite-journal.ts';

/** A journal with the life of the daemon. */
export interface DaemonJournal extends Journal {
  start(): void;
  /** Ends in order; what was in hand does not count as a crash. */
  close(): Promise<void>;
}

/** What must not take anything new as long as nothing can be written down. */
export interface Intake {
  suspend(): void;
  resume(): void;
}

/**
 * RabbitMQ's jobs are journalled in the state folder. The embedded queue needs no more than memory: there a job's end,
 * its reply and its acknowledgement are one transaction, and the queue itself counts crashes.
 */
export function makeJournal({ amqp, rbit }: Config, events: Announcer, intake: Intake): DaemonJournal {
  if (amqp === undefined) return { ...createMemoryJournal(), start() {}, close: async () => {} };
  return createSqliteJournal({
    folder: rbit.stateDir,
    onOpen(file) {
      events.emit('journal:open', { file });
      intake.resume();
    },
    onLost(reason, retryInMs) {
      events.emit('journal:lost', { reason, retryInMs });
      intake.suspend();
    },
  });
}
