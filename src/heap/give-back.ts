const LOOK_EVERY_MS = 2000;
/** Who does nothing but look makes less garbage between two looks. */
const QUIET_BYTES = 512 * 1024;
/** Room for young objects that is worth giving back. */
const WORTH_BYTES = 8 * 1024 * 1024;

/**
 * V8 gives memory back in the wake of a collection of garbage, and where nothing happens there is none: what a storm of
 * jobs took (some 100 MB of room for young objects) would be kept for days. From now on, whenever this thread has come to
 * rest, one small collection of a millisecond is made, and V8 does the rest within seconds.
 */
export function giveBackWhenIdle(): void {
  let usedBefore = 0;
  const look = (): void => {
    const { used, room } = youngSpace();
    const isQuiet = Math.abs(used - usedBefore) < QUIET_BYTES;
    usedBefore = used;
    if (isQuiet && room > WORTH_BYTES) collectYoung();
  };
  setInterval(look, LOOK_EVERY_MS).unref();
}

function youngSpace(): { used: number; room: number } {
  // Loaded when it is needed, here and below: not on the way to the first job.
  const { getHeapSpaceStatistics } = process.getBuiltinModule('node:v8');
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return { used: young?.space_used_size ?? 0, room: young?.physical_space_size ?? 0 };
}

function collectYoung(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  // Set for a moment only: the code of Node's own modules is kept ready for the flags that there were at the start.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect({ type: 'minor' });
}
