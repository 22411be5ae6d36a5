import type { Lock, Presence } from './presence.ts';
import type { Changes, QueueCommitter, Tables } from './tables.ts';

/*
 * What has to be done though nobody asks for it:
 *
 *   delayed messages become ready when they are due
 *   owners that have gone lose what they held, and their temporary queues
 *   a file that has become too large is made smaller
 */

const LOOK_EVERY_MS = 1_000;
const PROMOTED_AT_ONCE = 500;

export interface Housekeeper {
  /** Begins, as soon as the database is open. */
  start(): void;
  /** The times at which messages are due may have changed. */
  watchDue(): void;
  stop(): void;
}

export function createHousekeeper(
  committer: QueueCommitter,
  presence: () => Presence | undefined,
  lookAround: () => void,
): Housekeeper {
  /** Owners whose things are being put back. */
  const leaving = new Set<string>();
  let isPromoting = false;
  let dueTimer: NodeJS.Timeout | undefined;
  let lookTimer: NodeJS.Timeout | undefined;

  function look(): void {
    presence()?.renew();
    committer.checkFile();
    removeTheGone();
    watchDue();
    lookAround();
    committer.shrink();
  }

  function removeTheGone(): void {
    const here = presence();
    const owners = committer.read(({ queues }) => queues.owners());
    if (here === undefined || owners === undefined) return;
    for (const owner of owners) {
      if (owner === here.name || leaving.has(owner)) continue;
      const lock = here.takeOver(owner);
      if (lock === undefined) continue;
      void remove(owner, lock);
    }
    here.tidy(new Set(owners));
  }

  async function remove(owner: string, lock: Lock): Promise<void> {
    leaving.add(owner);
    try {
      await committer.commit({
        mustLast: false,
        work: (tables, changes) => forgetOwner({ owner, crashed: true }, tables, changes),
      });
    } catch {
      // This broker is closed first; whoever looks next does it.
    } finally {
      lock.remove();
      leaving.delete(owner);
    }
  }

  function watchDue(): void {
    clearTimeout(dueTimer);
    // As long as nothing can be written, what is due stays due: once is enough.
    const due = isPromoting ? undefined : committer.read(({ messages }) => messages.nextDue());
    // Never long: the clock may be set, and a timer does not see that.
    if (due !== undefined)
      dueTimer = setTimeout(() => void promote(), Math.min(Math.max(0, due - Date.now()), LOOK_EVERY_MS));
  }

  async function promote(): Promise<void> {
    const work = ({ messages }: Tables, { ready }: Changes): void => {
      for (const queue of messages.promote(Date.now(), PROMOTED_AT_ONCE)) ready.add(queue);
    };
    isPromoting = true;
    try {
      await committer.commit({ mustLast: false, work });
      isPromoting = false;
      watchDue();
    } catch {
      // Closed: whoever is left has a timer of its own.
    }
  }

  return {
    start() {
      look();
      lookTimer ??= setInterval(look, LOOK_EVERY_MS);
    },
    watchDue,
    stop() {
      clearTimeout(dueTimer);
      clearInterval(lookTimer);
    },
  };
}

/** Puts back what an owner has in hand and removes its temporary queues; `crashed`: it went without a word. */
export function forgetOwner(
  { owner, crashed }: { readonly owner: string; readonly crashed: boolean },
  { messages, queues }: Tables,
  { ready }: Changes,
): void {
  for (const queue of messages.releaseAll(owner, crashed)) ready.add(queue);
  for (const queue of queues.ownedBy(owner)) {
    messages.clear(queue);
    queues.remove(queue);
  }
  queues.forgetConsumers(owner);
}
