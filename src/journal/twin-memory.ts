/** Which messages had an equal one, in the life of this daemon. */
export interface TwinMemory {
  /** True if an equal one was seen before. */
  see(print: string): boolean;
  /** It was seen twice at least. */
  hasTwin(print: string): boolean;
}

/** Knows `most` prints at least, those that were seen last, and twice as many at most. */
export function createTwinMemory(most: number): TwinMemory {
  // Two maps, of which the older one is dropped when the younger is full: to take the oldest key out of one map each
  // time would take longer and longer, since a map keeps the places of what was taken out of it.
  /** True once there were two. */
  let young = new Map<string, boolean>();
  let old = new Map<string, boolean>();
  return {
    see(print) {
      const isTwin = young.has(print) || old.has(print);
      if (young.size >= most && !young.has(print)) {
        old = young;
        young = new Map();
      }
      young.set(print, isTwin);
      return isTwin;
    },
    hasTwin: (print) => (young.get(print) ?? old.get(print)) === true,
  };
}
