/** From the largest to the smallest, as durations are written in names and in the log. */
export const DURATION_UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Whole milliseconds in the largest unit that is exact: `2h`, `90s`, `1500ms`. */
export function durationText(ms: number): string {
  const [unit, unitMs] = DURATION_UNITS.find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}
