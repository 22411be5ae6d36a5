import { byId, make, say, setTone } from './dom.js';
import { visibleLine } from './visible-text.js';
import { clock, inWhole, number } from './words.js';

/* The head of the page: who this is, whether all is well; the same in the title and its icon. */

const COLOURS = { good: '#1f8a4f', bad: '#d93a2b', warn: '#b87700', quiet: '#80868e' };

export function showDaemon({ name, daemon, now, readiness, queues, jobs, jobsLeftOut }) {
  delete document.body.dataset.gone;
  say(byId('name'), visibleLine(name));
  const up = inWhole(now - Date.parse(daemon.since));
  const files = daemon.files.map(visibleLine).join(', ');
  say(byId('about'), `rbit-ts ${daemon.version} · process ${daemon.pid} · up ${up} · ${files}`);

  const isStopping = daemon.state === 'stopping';
  const wrong = readiness.checks.filter(({ ok, name: what }) => !ok && !(isStopping && what === 'daemon'));
  const held = queues.filter(({ state }) => state === 'paused').length;
  const tone = isStopping ? 'warn' : readiness.ready ? 'good' : 'bad';
  showHealth(tone, isStopping ? 'Stopping' : readiness.ready ? 'Ready' : 'Trouble');
  showTrouble(
    isStopping ? [] : wrong.map(({ name: what, reason }) => visibleLine(`${what}: ${reason ?? 'not ready'}`)),
  );
  const running = jobs.length + jobsLeftOut;
  const state = readiness.ready || isStopping ? `${number(running)} running` : 'Trouble';
  showTitle(
    tone,
    `${isStopping ? 'Stopping, ' : ''}${state}${held > 0 ? `, ${held} paused` : ''} · ${visibleLine(name)}`,
  );
}

/** Nobody answers as he should, since then; `how` in words. */
export function showGone(since, how) {
  document.body.dataset.gone = '';
  showHealth('bad', 'No answer');
  const when = `The daemon ${how} since ${clock(since)}.`;
  showTrouble([`${when} What is shown is from before. It is asked again every few seconds.`]);
  showTitle('quiet', `No answer · ${byId('name').textContent}`);
}

function showHealth(tone, text) {
  setTone(byId('health'), tone);
  say(byId('health'), text);
}

function showTrouble(lines) {
  const panel = byId('trouble');
  if (panel.dataset.lines === JSON.stringify(lines)) return;
  panel.dataset.lines = JSON.stringify(lines);
  panel.hidden = lines.length === 0;
  panel.replaceChildren(...lines.map((line) => make('p', { textContent: line })));
}

function showTitle(tone, title) {
  if (document.title !== title) document.title = title;
  const icon = byId('icon');
  if (icon.dataset.tone === tone) return;
  icon.dataset.tone = tone;
  const sign = tone === 'bad' ? '<path d="M8 4v5M8 11.2v.8" stroke="#fff" stroke-width="2"/>' : '';
  const shape =
    tone === 'quiet' ? `fill="none" stroke="${COLOURS.quiet}" stroke-width="2.5"` : `fill="${COLOURS[tone]}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5" ${shape}/>${sign}</svg>`;
  icon.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
