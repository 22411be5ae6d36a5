const LOOK_EVERY_MS = 2000;
/** Who does nothing but look makes less garbage between two looks. */
const QUIET_BYTES = 512 * 1024;
/** Room for young objects that is worth giving back. */
const WORTH_BYTES = 8 * 1024 * 1024;
/** How many quiet looks later V8 would have done the rest. */
const PATIENCE = 4;
/** Beyond that a full collection takes too long, and what it gives back is little beside what is there. */
const LARGE_BYTES = 64 * 1024 * 1024;

/**
 * V8 gives memory back in the wake of a collection of garbage, and where nothing happens there is none: what a storm of
 * jobs took (some 100 MB of room for young objects) would be kept for days. From now on, whenever this thread has come to
 * rest, one small collection of a millisecond takes the room away, and V8 gives it to the system some seconds later, unless it has
 * done so shortly before: then it keeps the room for later. So if there is still rest after that, one full collection is made, of
 * some 20 ms, in which it keeps nothing.
 */
export function giveBackWhenIdle(): void {
  let usedBefore = 0;
  /** Quiet looks since the room was taken away; undefined: nothing is kept. */
  let looks: number | undefined;
  const look = (): void => {
    const { used, room } = youngSpace();
    const isQuiet = Math.abs(used - usedBefore) < QUIET_BYTES;
    usedBefore = used;
    if (!isQuiet) {
      if (looks !== undefined) looks = 0;
    } else if (room > WORTH_BYTES) {
      looks = 0;
      collect({ type: 'minor' });
    } else if (looks !== undefined && (looks += 1) > PATIENCE) {
      looks = undefined;
      if (usedHeap() < LARGE_BYTES) collect({ type: 'major', flavor: 'last-resort' });
    }
  };
  setInterval(look, LOOK_EVERY_MS).unref();
}

function youngSpace(): { used: number; room: number } {
  // Loaded when it is needed, here and below: not on the way to the first job.
  const { getHeapSpaceStatistics } = process.getBuiltinModule('node:v8');
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return { used: young?.space_used_size ?? 0, room: young?.physical_space_size ?? 0 };
}

function usedHeap(): number {
  return process.getBuiltinModule('node:v8').getHeapStatistics().used_heap_size;
}

function collect(options: { type: 'minor' } | { type: 'major'; flavor: 'last-resort' }): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  // Set for a moment only: the code of Node's own modules is kept ready for the flags that there were at the start.
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc(options);
}
