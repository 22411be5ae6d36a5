import { actionButton, isUnlocked } from './actions.js';
import { byId, createList, make, say } from './dom.js';
import { visibleLine } from './visible-text.js';
import { inWhole, number } from './words.js';

const STATES = { waiting: 'waits for a slot', settling: 'ended; the broker is told' };

const showList = createList(byId('running-jobs'), ({ key }) => key, createRow);

/** The jobs in hand, the oldest first. */
export function showRunning({ jobs, jobsLeftOut, now }) {
  const known = jobs.filter(({ key }) => key !== undefined);
  showList(known.map((job) => ({ ...job, now })));
  const count = jobs.length + jobsLeftOut;
  say(byId('running-count'), count === 0 ? '' : number(count));
  byId('running-none').hidden = count > 0;
  byId('running-more').hidden = jobsLeftOut === 0;
  say(byId('running-more'), `and ${number(jobsLeftOut)} more`);
}

function createRow({ key, id, queue, runner, attempt }) {
  const name = visibleLine(id);
  const [age, line, percent] = [
    make('span', { className: 'age' }),
    make('p', { className: 'line mono' }),
    make('span'),
  ];
  const bar = make('progress', { max: 100, attributes: { 'aria-label': `Progress of ${name}` } });
  const far = make('div', { className: 'far' }, bar, percent);
  const again = attempt > 1 ? ` · attempt ${attempt}` : '';
  const cancel = actionButton('Cancel', { isMeant: 'Really cancel?', label: name }, () => [
    'cancel',
    { key },
  ]);
  const element = make(
    'li',
    { className: 'run', data: { key } },
    make(
      'div',
      {},
      make('a', { className: 'id mono', href: `#job=${key}`, textContent: name, title: name }),
      make('p', {
        className: 'where',
        textContent: `${visibleLine(queue)} · ${visibleLine(runner)}${again}`,
      }),
    ),
    make('div', { className: 'what' }, far, line),
    age,
    cancel,
  );

  return {
    element,
    update({ now, since, started, state, progress, lastLine }) {
      say(age, inWhole(now - Date.parse(started ?? since)));
      far.hidden = progress === undefined;
      if (progress !== undefined) {
        bar.value = progress.percent;
        say(percent, `${Math.round(progress.percent)}%`);
      }
      const told = STATES[state] ?? progress?.message ?? lastLine ?? '';
      say(line, visibleLine(told));
      cancel.hidden = !isUnlocked() || state === 'settling';
    },
  };
}
