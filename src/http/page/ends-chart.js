import { draw } from './chart.js';

/** Ways to end, from the bottom of a bar to its top. */
export const ENDS = [
  ['completed', 'good', 'completed'],
  ['blocked', 'warn', 'blocked'],
  ['returned', 'quiet', 'put back'],
  ['failed', 'bad', 'failed'],
];

/** Bars of runs a second, one for each step. */
export function plotEnds({ points, stepMs }, { x, y, stepWidth }) {
  const perSecond = (count) => (count * 1000) / stepMs;
  const top = roundUp(Math.max(0.1, ...points.map((point) => perSecond(totalOf(point)))));
  const gap = stepWidth > 5 ? 1.5 : 0;
  const shapes = points.flatMap((point) => {
    let under = 0;
    return ENDS.flatMap(([name, tone]) => {
      const height = perSecond(point[name]) / top;
      if (height === 0) return [];
      const [y1, y2] = [y(under), y(under + height)];
      under += height;
      // What failed is seen, however few.
      const least = name === 'failed' ? Math.max(2, y1 - y2) : y1 - y2;
      const place = { x: x(point.step) + gap / 2, y: y1 - least, width: stepWidth - gap, height: least };
      return [draw('rect', { class: 'fill', tone, ...place })];
    });
  });
  const ticks = [0, 0.5, 1].map((part) => ({
    part,
    text: Number((part * top).toPrecision(2)).toLocaleString('en'),
  }));
  return { ticks, shapes };
}

function totalOf(point) {
  return ENDS.reduce((sum, [name]) => sum + point[name], 0);
}

/** The next of 1, 2, 5, 10 … */
function roundUp(value) {
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * decade).find((step) => step >= value * 0.999) ?? value;
}
