/** Which messages had an equal one, in the life of this daemon. */
export interface TwinMemory {
  /** True if an equal one was seen before. */
  see(print: string): boolean;
  /** It was seen twice at least. */
  hasTwin(print: string): boolean;
}

/** Knows `most` prints: those that were seen last. */
export function createTwinMemory(most: number): TwinMemory {
  /** Oldest first; true once there were two. */
  const seen = new Map<string, boolean>();
  return {
    see(print) {
      const isTwin = seen.delete(print);
      seen.set(print, isTwin);
      const [oldest] = seen.keys();
      if (seen.size > most && oldest !== undefined) seen.delete(oldest);
      return isTwin;
    },
    hasTwin: (print) => seen.get(print) === true,
  };
}
