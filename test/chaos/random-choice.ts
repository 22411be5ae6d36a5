/** Numbers from 0 to 1, 1 excluded. */
export type Random = () => number;

/** A whole number; both ends are possible. */
export function whole(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability;
}

/** Throws a RangeError when there is nothing to choose from. */
export function pick<T>(random: Random, among: readonly T[]): T {
  return weighted(
    random,
    among.map((one) => [one, 1] as const),
  );
}

/** One of several, each as often as its weight says. Throws a RangeError when there is nothing to choose from. */
export function weighted<T>(random: Random, among: ReadonlyArray<readonly [T, number]>): T {
  let left = random() * among.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [one, weight] of among) {
    left -= weight;
    if (left < 0) return one;
  }
  const last = among.at(-1);
  if (last === undefined) throw new RangeError('nothing to choose from');
  return last[0];
}
