const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** A duration as an INI file would say it: the largest unit that is exact, such as `90s`, `25m`, `1500ms`. */
export function formatDuration(ms: number): string {
  const exact = UNITS.find(([, unitMs]) => ms >= unitMs && ms % unitMs === 0);
  return exact === undefined ? `${ms}ms` : `${ms / exact[1]}${exact[0]}`;
}
