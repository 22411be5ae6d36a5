import { actionButton, isUnlocked } from './actions.js';
import { byId, createList, make, say, setTone } from './dom.js';
import { visibleLine } from './visible-text.js';
import { number } from './words.js';

const STATES = {
  consuming: ['good', 'Consuming'],
  'not-consumed': ['bad', 'Not consumed'],
  paused: ['bad', 'Paused'],
  probing: ['warn', 'Probing'],
  leaving: ['quiet', 'Leaving'],
  stopped: ['quiet', 'Stopped'],
};

/** One card for each queue, in the order of the configuration; one that left and came back may be there twice. */
export const showQueues = createList(
  byId('queues'),
  ({ queue, state }) => `${queue}\n${state === 'leaving'}`,
  createCard,
);

function createCard({ queue }) {
  const name = visibleLine(queue);
  const [state, runner, why] = [
    make('span', { className: 'badge' }),
    make('p', { className: 'runner' }),
    make('p', { className: 'why' }),
  ];
  const [running, waiting, consumers] = [make('dd'), make('dd'), make('dd')];
  const pause = actionButton('Pause', { label: name }, () => ['pause', { queue }]);
  const resume = actionButton('Resume', { label: name }, () => ['resume', { queue }]);
  const element = make(
    'li',
    { className: 'queue', data: { queue: name } },
    make('header', {}, make('div', {}, make('h3', { textContent: name }), runner), state),
    make(
      'dl',
      { className: 'numbers' },
      figure('running', running),
      figure('waiting', waiting),
      figure('consumers', consumers),
    ),
    why,
    make('div', { className: 'tools' }, pause, resume),
  );

  return {
    element,
    update(item) {
      const [tone, text] = STATES[item.state] ?? ['quiet', item.state];
      const isHeld = item.by === 'operator';
      const shownTone = isHeld ? 'warn' : tone;
      setTone(state, shownTone);
      setTone(why, shownTone);
      say(state, text);
      say(runner, `${visibleLine(item.runner)} · ${item.processor}`);
      say(why, item.reason === undefined ? '' : visibleLine(`${isHeld ? 'Paused ' : ''}${item.reason}`));
      why.hidden = item.reason === undefined;
      sayOf(
        running,
        number(item.running),
        item.concurrency === null ? '' : ` of ${number(item.concurrency)}`,
      );
      sayOf(waiting, item.waiting === null ? '?' : number(item.waiting), '');
      sayOf(consumers, item.consumers === null ? '?' : number(item.consumers), '');
      const canResume = (isHeld || item.by === 'runner') && item.state !== 'leaving';
      pause.hidden = !isUnlocked() || isHeld || ['stopped', 'leaving'].includes(item.state);
      resume.hidden = !isUnlocked() || !canResume;
    },
  };
}

function figure(name, value) {
  return make('div', {}, make('dt', { textContent: name }), value);
}

function sayOf(element, value, of) {
  if (element.textContent === `${value}${of}`) return;
  element.replaceChildren(value, make('small', { textContent: of }));
}
