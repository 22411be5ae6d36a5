import type { Tables } from './tables.ts';

/*
 * Lines of output are published whether or not anybody keeps up with them. Whoever follows a job and is stopped
 * (Ctrl-Z will do) must not fill the disk: from some size on, a temporary queue gets none.
 */

const MOST_WAITING = 10_000;
const MOST_BYTES = 32 * 1024 * 1024;
/** Counting takes longer than publishing. */
const COUNTED_FOR_MS = 250;
/** What nobody has published to for so long is forgotten: queues come and go. */
const REMEMBERED_MS = 60_000;

/** Tells whether a queue may not get any more, such as these `bytes`, of what may be lost. */
export type FloodGate = (queue: number, bytes: number, tables: Tables) => boolean;

interface Look {
  isFlooded: boolean;
  countedAtMs: number;
  /** How many there were, and have been let through since. */
  waiting: number;
  /** What was let through in all: how large such messages are. */
  messages: number;
  bytes: number;
}

export function createFloodGate(): FloodGate {
  const looks = new Map<number, Look>();

  function isFull({ waiting, messages, bytes }: Look): boolean {
    return waiting >= MOST_WAITING || waiting * (bytes / Math.max(1, messages)) >= MOST_BYTES;
  }

  function count(queue: number, look: Look, { messages, queues }: Tables): void {
    look.countedAtMs = performance.now();
    look.waiting = queues.isTemporary(queue) ? messages.count(queue) : 0;
    look.isFlooded = isFull(look);
  }

  return (queue, bytes, tables) => {
    const now = performance.now();
    for (const [other, { countedAtMs }] of looks) if (now - countedAtMs > REMEMBERED_MS) looks.delete(other);
    const look = looks.get(queue) ?? { isFlooded: false, countedAtMs: 0, waiting: 0, messages: 0, bytes: 0 };
    looks.set(queue, look);
    const isDue = now - look.countedAtMs >= COUNTED_FOR_MS;
    // Counted again before it is believed to be full: its reader may be quick.
    if (isDue || (!look.isFlooded && isFull(look))) count(queue, look, tables);
    if (look.isFlooded) return true;
    look.waiting += 1;
    look.messages += 1;
    look.bytes += bytes;
    return false;
  };
}
