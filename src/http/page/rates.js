import { createChart } from './chart.js';
import { byId, make, setOptions } from './dom.js';
import { plotDurations, QUANTILES } from './durations-chart.js';
import { ENDS, plotEnds } from './ends-chart.js';
import { visibleLine } from './visible-text.js';
import { clock, duration, number, rate } from './words.js';

/* Rates and durations over the last minutes or the last hour. The daemon keeps them: a page that was just opened shows all. */

const queue = byId('rates-queue');
let points = new Map();
let shown;

const ends = createChart(byId('ends-chart'), {
  label: describeEnds,
  plot: plotEnds,
  onRead: (step) => showEndsLegend(step),
});
const durations = createChart(byId('durations-chart'), {
  label: describeDurations,
  plot: plotDurations,
  onRead: (step) => showDurationsLegend(step),
});

/** `onChosen` is called when something else is to be asked for. */
export function startRates(onChosen) {
  const change = () => {
    points = new Map();
    onChosen();
  };
  queue.addEventListener('change', change);
  for (const radio of document.getElementsByName('window')) radio.addEventListener('change', change);
}

/** What to ask for: of the steps only those that may have changed. */
export function askedRates() {
  const window = document.querySelector('input[name=window]:checked').value;
  return { window, queue: queue.value, from: Math.max(0, ...points.keys()) };
}

/** The daemon is another one: its steps are not those of before. */
export function forgetRates() {
  points = new Map();
}

export function takeRates({ stepMs, steps, points: fresh }, queues, now) {
  setOptions(queue, [['', 'all queues'], ...queues.map((one) => [one.queue, visibleLine(one.queue)])]);
  for (const point of fresh) points.set(point.step, point);
  const last = Math.floor(now / stepMs);
  const first = last - steps + 1;
  for (const step of points.keys()) if (step < first) points.delete(step);
  const sorted = [...points.values()].sort((a, b) => a.step - b.step);
  shown = { stepMs, spanMs: stepMs * steps, first, last, points: sorted };
  ends.show(shown);
  durations.show(shown);
  showEndsLegend();
  showDurationsLegend();
}

let [readEnd, readDuration] = [undefined, undefined];

function showEndsLegend(...read) {
  if (read.length > 0) [readEnd] = read;
  const point = points.get(readEnd);
  const { stepMs, points: all, spanMs } = shown;
  const span = readEnd === undefined ? spanMs : stepMs;
  const entries = ENDS.map(([name, tone, words]) => {
    const count = readEnd === undefined ? sum(all, name) : (point?.[name] ?? 0);
    return { name: words, tone, text: readEnd === undefined ? number(count) : rate((count * 1000) / span) };
  });
  fill('ends-legend', readEnd, entries, `in ${spanMs > 600_000 ? '1 hour' : '5 minutes'}:`);
}

function showDurationsLegend(...read) {
  if (read.length > 0) [readDuration] = read;
  const point =
    readDuration === undefined
      ? shown.points.findLast(({ p50 }) => p50 !== undefined)
      : points.get(readDuration);
  const entries = QUANTILES.map(([name, tone, text]) => ({
    name: text,
    tone,
    text: point?.[name] === undefined ? '–' : duration(point[name]),
  }));
  fill('durations-legend', readDuration, entries, 'lately:');
}

function fill(id, step, entries, span) {
  const time = step === undefined ? span : `${clock(step * shown.stepMs)}:`;
  const when = [make('span', { textContent: time })];
  byId(id).replaceChildren(
    ...when,
    ...entries.map(({ name, tone, text }) =>
      make('span', { className: 'key', data: { tone } }, `${name} `, make('b', { textContent: text })),
    ),
  );
}

function describeEnds({ points: all, spanMs }) {
  const counts = ENDS.map(([name, , text]) => `${number(sum(all, name))} ${text}`).join(', ');
  return `Runs that ended in the last ${duration(spanMs)}: ${counts}. Arrow keys read single steps.`;
}

function describeDurations({ points: all }) {
  const last = all.findLast(({ p50 }) => p50 !== undefined);
  if (last === undefined) return 'How long jobs ran: none has ended in this time.';
  return `How long jobs ran: lately half took less than ${duration(last.p50)}, 95% less than ${duration(last.p95)}. Arrow keys read single steps.`;
}

function sum(all, name) {
  return all.reduce((count, point) => count + point[name], 0);
}
