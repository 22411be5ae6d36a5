import { type Case, type Results, type Target, valuesOf } from './comparison.ts';
import { FIGURES, type Figure, pairedRatios, type Spread, spread } from './measure.ts';

/** Whether a target was met, and by what figures. */
export interface Judgement {
  readonly text: string;
  readonly found: Spread;
  /** Undefined where nothing is asked for and the figure is only of interest. */
  readonly isMet: boolean | undefined;
}

/** Holds the targets of a case against its results; those whose subjects did not run are left out. */
export function judge(one: Case, results: Results): Judgement[] {
  return one.targets.flatMap((target) => {
    const { subject, figure, against, minus, least = -Infinity, most = Infinity } = target;
    const ours = valuesOf(results, subject, figure);
    const theirs = against === undefined ? [] : valuesOf(results, against, figure);
    const off = minus === undefined ? undefined : valuesOf(results, minus, figure);
    if (ours.length === 0 || (against !== undefined && theirs.length === 0) || off?.length === 0) return [];
    const found = spread(against === undefined ? ours : pairedRatios(ours, theirs, off));
    const isAsked = target.least !== undefined || target.most !== undefined;
    const isMet = isAsked ? found.median >= least && found.median <= most : undefined;
    return [{ text: wording(target), found, isMet }];
  });
}

function wording({ subject, figure, least, most, against, minus }: Target): string {
  const bounds = [
    ...(least === undefined ? [] : [`≥ ${least}`]),
    ...(most === undefined ? [] : [`≤ ${most}`]),
  ];
  const ratio =
    against === undefined ? [] : [`of ${against}${minus === undefined ? '' : `, each less ${minus}`}`];
  return [`${subject}: ${FIGURES[figure].title}`, ...bounds, ...ratio].join(' ');
}

/** The table of a case: a row for each subject, its medians and how far they lay apart, and the ratio to the base. */
export function table(one: Case, results: Results): string {
  const [main, ...others] = one.figures.filter((figure) =>
    one.subjects.some(({ name }) => shown(valuesOf(results, name, figure)).length > 0),
  );
  if (main === undefined) return '';
  const { base } = one;
  const header = ['', FIGURES[main].title, ...(base === undefined ? [] : [`of ${base}`])];
  const rows = one.subjects.map(({ name }) => {
    const values = valuesOf(results, name, main);
    const ratio = base === undefined ? [] : [ratioTo(values, valuesOf(results, base, main), name === base)];
    const rest = others.map((figure) => median(results, name, figure));
    return [name, describe(spread(values), FIGURES[main].digits), ...ratio, ...rest];
  });
  return align([[...header, ...others.map((figure) => FIGURES[figure].title)], ...rows]);
}

/** One line for each target. */
export function verdicts(judgements: readonly Judgement[]): string {
  return judgements
    .map(
      ({ text, found, isMet }) =>
        `${isMet === undefined ? '        ' : isMet ? 'met     ' : 'NOT MET '} ${text}: ${describe(found, 2)}`,
    )
    .join('\n');
}

function ratioTo(values: readonly number[], base: readonly number[], isBase: boolean): string {
  return isBase ? '1' : describe(spread(pairedRatios(values, base)), 2);
}

function median(results: Results, subject: string, figure: Figure): string {
  const values = shown(valuesOf(results, subject, figure));
  return values.length === 0 ? '' : spread(values).median.toFixed(FIGURES[figure].digits);
}

function shown(values: readonly number[]): number[] {
  return values.filter((value) => !Number.isNaN(value));
}

function describe({ median: middle, low, high }: Spread, digits: number): string {
  if (!Number.isFinite(middle)) return '-';
  return `${middle.toFixed(digits)} [${low.toFixed(digits)} to ${high.toFixed(digits)}]`;
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}
