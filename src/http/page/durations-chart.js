import { draw } from './chart.js';
import { duration } from './words.js';

export const QUANTILES = [
  ['p50', 'busy', 'half took less than'],
  ['p95', 'quiet', '95% took less than'],
];

const MARKS_MS = [0.1, 1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 360_000_000];

/** Lines of the quantiles, on a scale where each mark is a step up; steps without a run are gaps. */
export function plotDurations({ points }, { x, y, stepWidth }) {
  const timed = points.filter(({ p50 }) => p50 !== undefined);
  const values = timed.flatMap(({ p50, p95 }) => [p50, p95]);
  const marks = marksAround(Math.min(...values, 100), Math.max(...values, 1_000));
  const [low, high] = [Math.log(marks[0]), Math.log(marks.at(-1))];
  const partOf = (ms) => Math.min(1, Math.max(0, (Math.log(Math.max(ms, 0.1)) - low) / (high - low)));
  const middle = (step) => x(step) + stepWidth / 2;
  const shapes = QUANTILES.flatMap(([name, tone]) =>
    runsOf(timed).map((run) => {
      const places = run.map(
        (point) => `${middle(point.step).toFixed(1)},${y(partOf(point[name])).toFixed(1)}`,
      );
      // A line of no length is a dot.
      const d = `M${places.join('L')}${places.length === 1 ? 'h0' : ''}`;
      return draw('path', { class: `stroke${name === 'p95' ? ' dashed' : ''}`, tone, d });
    }),
  );
  return { ticks: marks.map((ms) => ({ part: partOf(ms), text: duration(ms).replace('.0', '') })), shapes };
}

/** The marks from the one below to the one above; not more than five. */
function marksAround(least, most) {
  const first = MARKS_MS.findLastIndex((mark) => mark <= least);
  const last = MARKS_MS.findIndex((mark) => mark >= most);
  const marks = MARKS_MS.slice(Math.max(0, first), last === -1 ? undefined : last + 1);
  return marks.length <= 5 ? marks : marks.filter((_, index) => (marks.length - 1 - index) % 2 === 0);
}

/** Steps without a gap between them. */
function runsOf(points) {
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1).step === point.step - 1) run.push(point);
    else runs.push([point]);
  }
  return runs;
}
