import { actionButton, isUnlocked } from './actions.js';
import { byId, createList, make, say, setOptions, setTone } from './dom.js';
import { OUTCOMES, outcomeOf } from './outcomes.js';
import { visibleLine } from './visible-text.js';
import { ago, duration, number } from './words.js';

/* The jobs that ended, the newest first: a window on what the daemon keeps, through a filter. */

const SHOWN_FIRST = 40;
const MOST_KEPT = 200;

let kept = [];
let isHeld = false;
let isAll = false;
/** What is shown while the list is held. */
let heldKeys = new Set();
let now = 0;

const showList = createList(byId('ended-jobs'), ({ key }) => key, createRow);
const [queue, outcome, text] = ['filter-queue', 'filter-outcome', 'filter-text'].map(byId);
const [hold, more] = ['hold', 'ended-more'].map(byId);

export function startEnded() {
  setOptions(outcome, [
    ['', 'all'],
    ['not completed', 'not completed'],
    ...OUTCOMES.map((name) => [name, name]),
  ]);
  for (const control of [queue, outcome, text]) control.addEventListener('input', show);
  more.addEventListener('click', () => {
    isAll = true;
    show();
    byId('ended-jobs').children[SHOWN_FIRST]?.querySelector('a')?.focus();
  });
  hold.addEventListener('click', () => {
    isHeld = !isHeld;
    heldKeys = new Set(kept.map(({ key }) => key));
    hold.setAttribute('aria-pressed', String(isHeld));
    show();
  });
}

/** Takes what ended since; all of it is `fresh` after a restart of the daemon. */
export function takeEnded(ended, queues, isFresh, daemonNow) {
  const names = queues.map((one) => [one.queue, visibleLine(one.queue)]);
  setOptions(queue, [['', 'all'], ...names]);
  now = daemonNow;
  kept = bounded(isFresh ? ended : [...ended, ...kept]);
  show();
}

/** It was put back: there is nothing left to be retried. */
export function noteRetried(key) {
  kept = kept.map((one) => (one.key === key ? { ...one, isKept: false } : one));
  show();
}

/** As the daemon does: what completed pushes out nothing else. */
function bounded(jobs) {
  let [completed, others] = [0, 0];
  return jobs.filter((job) => (job.outcome === 'completed' ? ++completed : ++others) <= MOST_KEPT);
}

function show() {
  const shown = kept.filter((job) => !isHeld || heldKeys.has(job.key)).filter(matches);
  showList(isAll ? shown : shown.slice(0, SHOWN_FIRST));
  more.hidden = isAll || shown.length <= SHOWN_FIRST;
  say(more, `Show all ${number(shown.length)}`);
  const fresh = isHeld ? kept.filter(({ key }) => !heldKeys.has(key)).length : 0;
  say(hold, fresh > 0 ? `Held: ${number(fresh)} new` : isHeld ? 'Held' : 'Hold the list');
  say(byId('ended-count'), kept.length === shown.length ? '' : `${shown.length} of ${kept.length}`);
  byId('ended').hidden = shown.length === 0;
  byId('ended-none').hidden = shown.length > 0;
  say(
    byId('ended-none'),
    kept.length === 0
      ? 'No job has ended since the daemon was started. Put one on a queue: rbit-ts submit QUEUE --set parameters.x=1'
      : 'None of the jobs that are kept matches this filter.',
  );
}

function matches(job) {
  if (queue.value !== '' && job.queue !== queue.value) return false;
  const { name } = outcomeOf(job);
  if (
    outcome.value === 'not completed' ? name === 'completed' : outcome.value !== '' && name !== outcome.value
  )
    return false;
  const wanted = text.value.trim().toLowerCase();
  return (
    wanted === '' || `${job.id}\n${job.reason}\n${job.runner}\n${job.queue}`.toLowerCase().includes(wanted)
  );
}

function createRow(job) {
  const { key, id, runner, attempt, ranMs, endedAt } = job;
  const { name, sign, tone } = outcomeOf(job);
  const shown = visibleLine(id);
  const when = make('td', { className: 'number', attributes: { role: 'cell' } });
  const again = attempt > 1 ? ` · attempt ${attempt}` : '';
  const retry = actionButton('Retry', { label: shown }, () => ['retry', { key }, () => noteRetried(key)]);
  const outcomeCell = make(
    'td',
    { className: 'outcome', attributes: { role: 'cell' } },
    make('i', { textContent: sign, ariaHidden: 'true' }),
    name,
  );
  setTone(outcomeCell, tone);
  const reason = name === 'completed' ? '' : visibleLine(job.reason);
  const element = make(
    'tr',
    { data: { key }, attributes: { role: 'row' } },
    outcomeCell,
    make(
      'td',
      { attributes: { role: 'cell' } },
      make('a', { className: 'id mono', href: `#job=${key}`, textContent: shown, title: shown }),
      make('span', {
        className: 'where',
        textContent: `${visibleLine(job.queue)} · ${visibleLine(runner)}${again}`,
      }),
    ),
    make('td', {
      className: 'number',
      attributes: { role: 'cell' },
      textContent: ranMs === null ? '–' : duration(ranMs),
    }),
    when,
    make(
      'td',
      { className: 'why', attributes: { role: 'cell' } },
      make('span', { textContent: reason, title: reason }),
      retry,
    ),
  );
  return {
    element,
    update({ isKept }) {
      say(when, ago(now - endedAt));
      retry.hidden = !isUnlocked() || !isKept;
    },
  };
}
