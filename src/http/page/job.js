import { actionButton, isUnlocked, onActed } from './actions.js';
import { byId, make, say, setTone } from './dom.js';
import { noteRetried } from './ended.js';
import { outcomeOf } from './outcomes.js';
import { visible, visibleLine } from './visible-text.js';
import { dateAndClock, duration, inWhole, number } from './words.js';

/* One job with its output, opened by a link: #job=KEY. */

const LIMIT_MS = 5_000;

const dialog = byId('job');
let key;
let isOver = false;
let buttons = [];

export function startJob() {
  addEventListener('hashchange', openLinked);
  byId('job-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    key = undefined;
    if (location.hash.startsWith('#job=')) history.pushState(null, '', location.pathname);
  });
  onActed(() => {
    isOver = false;
    void refreshJob();
  });
  openLinked();
}

function openLinked() {
  const linked = /^#job=([\da-z-]{1,40})$/.exec(location.hash)?.[1];
  if (linked === undefined) return dialog.close();
  key = linked;
  isOver = false;
  const asked = key;
  buttons = [
    actionButton('Cancel', { isMeant: 'Really cancel?' }, () => ['cancel', { key: asked }]),
    actionButton('Retry', {}, () => ['retry', { key: asked }, () => noteRetried(asked)]),
  ];
  byId('job-tools').replaceChildren(...buttons);
  byId('job-body').hidden = true;
  byId('job-lost').hidden = true;
  say(byId('job-title'), 'Job');
  if (!dialog.open) dialog.showModal();
  byId('job-title').focus();
  void refreshJob();
}

/** Asks again while the job runs; to be called as often as the page is brought up to date. */
export async function refreshJob() {
  if (key === undefined || isOver) return;
  const asked = key;
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    const response = await fetch(`/api/job?key=${encodeURIComponent(asked)}`, { signal });
    if (key !== asked) return;
    if (response.ok) showJob(await response.json());
    byId('job-lost').hidden = response.ok;
    byId('job-body').hidden = !response.ok;
  } catch {
    // The page says itself that the daemon does not answer; what was shown stays.
  }
}

function showJob(job) {
  const { id, begunAt, endedAt, outcome, output, detail } = job;
  isOver = outcome !== undefined;
  say(byId('job-title'), visibleLine(id));
  showFacts(job);
  const [cancel, retry] = buttons;
  cancel.hidden = !isUnlocked() || isOver;
  retry.hidden = !isUnlocked() || job.isKept !== true;
  const isLost = outcome === 'failed' && job.isFinal && job.disposal === 'acknowledged';
  byId('job-hint').hidden = !isLost;
  say(
    byId('job-hint'),
    `Its message was not kept, so it cannot be retried: set keep-failed = yes in [runner:${job.runner}] for those to come.`,
  );

  byId('job-detail').hidden = byId('job-detail-title').hidden = detail === undefined;
  say(byId('job-detail'), visible(detail ?? ''));
  showOutput(output, begunAt === null && endedAt !== undefined);
}

function showFacts(job) {
  const { name, sign, tone } = outcomeOf(job);
  const { queue, runner, attempt, begunAt, endedAt, ranMs, tookMs, reason, disposal } = job;
  const facts = [
    ['Outcome', `${sign} ${name}`, tone],
    ...(reason === undefined || reason === name ? [] : [['Why', visibleLine(reason)]]),
    ...(job.id.length > 60 ? [['Job', visibleLine(job.id)]] : []),
    ['Queue', visibleLine(queue)],
    ['Runner', visibleLine(runner)],
    ['Attempt', number(attempt)],
    ...(begunAt === null ? [] : [['Began', dateAndClock(begunAt)]]),
    ...(endedAt === undefined ? [] : [['Ended', dateAndClock(endedAt)]]),
    ...(typeof ranMs === 'number' ? [['Ran', duration(ranMs)]] : []),
    ...(tookMs === undefined ? [] : [['In hand', duration(tookMs)]]),
    ...(endedAt === undefined && begunAt !== null ? [['Runs for', inWhole(Date.now() - begunAt)]] : []),
    ...(disposal === undefined ? [] : [['Message', disposal]]),
  ];
  const list = byId('job-facts');
  if (list.dataset.facts === JSON.stringify(facts)) return;
  list.dataset.facts = JSON.stringify(facts);
  list.replaceChildren(
    ...facts.flatMap(([term, text, toned]) => {
      const value = make('dd', { textContent: text });
      if (toned !== undefined) setTone(value, toned);
      return [make('dt', { textContent: term }), value];
    }),
  );
}

function showOutput({ text, dropped, isGone }, neverRan) {
  const box = byId('job-output');
  const note = byId('job-output-note');
  const says = isGone
    ? 'What it printed is not kept any more: newer jobs needed the room.'
    : dropped > 0
      ? `The last lines; ${number(dropped)} before them are not kept.`
      : text === ''
        ? neverRan
          ? 'It never ran.'
          : 'It has printed nothing.'
        : '';
  note.hidden = says === '';
  say(note, says);
  box.hidden = text === '';
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  say(box, visible(text));
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}
