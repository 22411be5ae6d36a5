/*
 * A broker that is away is tried again soon: a connection that nobody takes costs next to nothing, and jobs wait. The
 * wait grows with the outage, so that about a hundredth of it is added at most: half a second in the first minute, a
 * few seconds later on. It is never the same for two daemons.
 */
const SHORTEST_MS = 400;
const LONGEST_MS = 5000;
const PART_OF_OUTAGE = 1 / 120;

/** Milliseconds to the next try when nobody has been there for `awayForMs`. */
export function awayDelayMs(awayForMs: number, maxDelayMs: number): number {
  const fullMs = Math.min(maxDelayMs, LONGEST_MS, Math.max(SHORTEST_MS, awayForMs * PART_OF_OUTAGE));
  return Math.round(fullMs * (0.5 + Math.random() / 2));
}

const NOBODY_THERE: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * Whether an error of `connect` means that there is nobody to talk to, which was found out at once. Not so when a broker
 * says no, or is slow to say anything: one that has trouble enough is left alone for longer.
 */
export function isNobodyThere(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    ('code' in error && NOBODY_THERE.has(error.code)) || error.message.startsWith('Socket closed abruptly')
  );
}
