import type { Tables } from './tables.ts';

/*
 * Lines of output are published whether or not anybody keeps up with them. Whoever follows a job and is stopped
 * (Ctrl-Z will do) must not fill the disk: from some number on, a temporary queue gets none.
 */

const MOST_WAITING = 10_000;
/** Counting takes longer than publishing. */
const COUNTED_FOR_MS = 250;

/** Tells whether a queue may not get any more of what may be lost. */
export type FloodGate = (queue: number, tables: Tables) => boolean;

export function createFloodGate(): FloodGate {
  const looks = new Map<number, { readonly isFlooded: boolean; readonly atMs: number }>();

  return (queue, { messages, queues }) => {
    const last = looks.get(queue);
    const now = performance.now();
    if (last !== undefined && now - last.atMs < COUNTED_FOR_MS) return last.isFlooded;
    // Queues come and go: what was counted long ago is of no use.
    for (const [other, { atMs }] of looks) if (now - atMs >= COUNTED_FOR_MS) looks.delete(other);
    const isFlooded = queues.isTemporary(queue) && messages.count(queue) >= MOST_WAITING;
    looks.set(queue, { isFlooded, atMs: now });
    return isFlooded;
  };
}
