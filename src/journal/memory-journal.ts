import type { Journal } from './journal.ts';
import { NO_STORE } from './record.ts';
import { createRecordBook } from './record-book.ts';

/**
 * A journal that lasts as long as the daemon: it knows jobs across lost deliveries, not across a crash. `most` is how
 * many records wait at most.
 */
export function createMemoryJournal(most?: number): Journal {
  return createRecordBook(NO_STORE, most === undefined ? {} : { most });
}
