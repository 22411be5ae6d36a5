import type { Figure, Sample } from './measure.ts';
import type { Stage } from './stage.ts';

/** One of the things that are compared: rbit-ts in one of its ways, its ceiling, or a peer. */
export interface Subject {
  readonly name: string;
  /** Whether it is rbit-ts, so that `--against` runs it a second time, from the other build. */
  readonly isOurs?: boolean;
  run(stage: Stage): Promise<Sample>;
}

/** What a figure of a subject has to be: of another subject's, in the same round, or by itself. Without bounds it is only shown. */
export interface Target {
  readonly subject: string;
  readonly figure: Figure;
  readonly least?: number;
  readonly most?: number;
  /** The bounds are ratios to this subject's figure. */
  readonly against?: string;
  /** What this subject shows is taken off both sides of the ratio. */
  readonly minus?: string;
}

/** Subjects that do the same work; all of them run once in each round. */
export interface Case {
  readonly name: string;
  /** What the subjects do, in a line. */
  readonly about: string;
  /** What the table shows; the ratio is of the first. */
  readonly figures: readonly [Figure, ...Figure[]];
  /** The subject that the others are a ratio of; none where only the figures themselves count. */
  readonly base?: string;
  readonly subjects: readonly Subject[];
  readonly targets: readonly Target[];
  /** Runs only when it is asked for, by name or `--long`. */
  readonly isLong?: boolean;
  /** The subjects that `--quick` runs: those that no other case has run for it. */
  readonly quick: 'all' | 'none' | readonly string[];
  /** The first run of each subject does not count: it fills caches. */
  readonly warmsUp?: boolean;
}

/** The samples of each subject, a round each; the n-th of one belongs with the n-th of another. */
export type Results = ReadonlyMap<string, readonly Sample[]>;

export interface RoundOptions {
  readonly rounds: number;
  /** Whether a case that asks for it has its first runs left out of account. */
  readonly warmsUp: boolean;
  /** From 0 to 1, not including 1. */
  readonly random: () => number;
  readonly onRun: (round: number, subject: string) => void;
}

/** Runs each subject of a case once a round, in another order each time, one after the other. */
export async function runCase(one: Case, stage: Stage, options: RoundOptions): Promise<Results> {
  const results = new Map(one.subjects.map(({ name }) => [name, [] as Sample[]] as const));
  for (let round = one.warmsUp === true && options.warmsUp ? 0 : 1; round <= options.rounds; round += 1) {
    for (const subject of shuffled(one.subjects, options.random)) {
      options.onRun(round, subject.name);
      const sample = await subject.run(stage).catch((error: unknown) => {
        throw new Error(`${one.name}, ${subject.name}: ${(error as Error).message}`, { cause: error });
      });
      if (round > 0) results.get(subject.name)?.push(sample);
    }
  }
  return results;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** What one subject showed of one figure, round for round; empty where it does not show it. */
export function valuesOf(results: Results, subject: string, figure: Figure): number[] {
  return (results.get(subject) ?? []).flatMap((sample) => sample[figure] ?? []);
}
