/** What one run of one subject showed, by figure. */
export type Sample = Readonly<Partial<Record<Figure, number>>>;

/** Everything that is measured, and how it is shown. */
export const FIGURES = {
  rate: { title: 'jobs/s', digits: 0 },
  p50: { title: 'p50 ms', digits: 2 },
  p99: { title: 'p99 ms', digits: 2 },
  firstAnswer: { title: 'first answer ms', digits: 0 },
  rss: { title: 'RSS MiB', digits: 1 },
  idleRss: { title: 'idle RSS MiB', digits: 1 },
  idleChildren: { title: 'idle children MiB', digits: 1 },
  children: { title: 'children MiB', digits: 1 },
  growth: { title: 'RSS after / before', digits: 2 },
  cpu: { title: 'CPU µs/job', digits: 0 },
  brokerCpu: { title: 'broker µs/job', digits: 0 },
  busy: { title: 'loop busy µs/job', digits: 0 },
  loopCpu: { title: 'loop CPU µs/job', digits: 0 },
  lateness: { title: 'loop late p99 ms', digits: 1 },
} as const satisfies Record<string, { readonly title: string; readonly digits: number }>;

export type Figure = keyof typeof FIGURES;

/** The middle of several rounds, and how far they lay apart. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The value that the given part of the numbers does not exceed, 0.5 being the median; NaN of none. */
export function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const [below, above] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return below + (above - below) * (at - Math.floor(at));
}

export function spread(numbers: readonly number[]): Spread {
  return { median: quantile(numbers, 0.5), low: Math.min(...numbers), high: Math.max(...numbers) };
}

/**
 * Divides what two subjects showed in the same round. With `minus`, what that one showed is taken off both first, for
 * figures of which a part has nothing to do with the question.
 */
export function pairedRatios(
  ours: readonly number[],
  theirs: readonly number[],
  minus?: readonly number[],
): number[] {
  return ours.map((value, round) => {
    const off = minus === undefined ? 0 : (minus[round] ?? Number.NaN);
    return (value - off) / ((theirs[round] ?? Number.NaN) - off);
  });
}
