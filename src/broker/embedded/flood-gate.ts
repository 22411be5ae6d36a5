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
  /** What was let through so far: how large such messages are. */
  messages: number;
  bytes: number;
}

export function createFloodGate(): FloodGate {
  const looks = new Map<number, Look>();

  function isFull(queue: number, { messages: seen, bytes }: Look, { messages, queues }: Tables): boolean {
    if (!queues.isTemporary(queue)) return false;
    const waiting = messages.count(queue);
    return waiting >= MOST_WAITING || waiting * (bytes / Math.max(1, seen)) >= MOST_BYTES;
  }

  return (queue, bytes, tables) => {
    const now = performance.now();
    for (const [other, { countedAtMs }] of looks) if (now - countedAtMs > REMEMBERED_MS) looks.delete(other);
    const look = looks.get(queue) ?? { isFlooded: false, countedAtMs: 0, messages: 0, bytes: 0 };
    looks.set(queue, look);
    if (now - look.countedAtMs >= COUNTED_FOR_MS) {
      look.isFlooded = isFull(queue, look, tables);
      look.countedAtMs = now;
    }
    if (!look.isFlooded) {
      look.messages += 1;
      look.bytes += bytes;
    }
    return look.isFlooded;
  };
}
