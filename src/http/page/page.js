import { allowActions, onActed, startActions } from './actions.js';
import { showDaemon, showGone } from './daemon.js';
import { startEnded, takeEnded } from './ended.js';
import { refreshJob, startJob } from './job.js';
import { showQueues } from './queues.js';
import { askedRates, forgetRates, startRates, takeRates } from './rates.js';
import { showRunning } from './running.js';
import { startTheme } from './theme.js';

/*
 * Asks the daemon once a second what it is doing, and shows that. Between two questions nothing is held open: a browser
 * with many such tabs has few connections. A tab that nobody sees asks seldom, for its title's sake.
 */

const EVERY_MS = 1_000;
const UNSEEN_EVERY_MS = 10_000;
const LIMIT_MS = 6_000;
const LONGEST_RETRY_MS = 5_000;

let boot = '';
let version;
let lastEnded = 0;
let goneSince;
let timer;
let turn = 0;

class BadAnswer extends Error {}

async function refresh() {
  clearTimeout(timer);
  const own = (turn += 1);
  let waitMs = document.hidden ? UNSEEN_EVERY_MS : EVERY_MS;
  let overview;
  try {
    overview = await ask();
    if (own !== turn) return;
    goneSince = undefined;
  } catch (error) {
    if (own !== turn) return;
    goneSince ??= Date.now();
    showGone(goneSince, error instanceof BadAnswer ? error.message : 'does not answer');
    waitMs = Math.min(LONGEST_RETRY_MS, Math.max(waitMs, (Date.now() - goneSince) / 4));
  }
  timer = setTimeout(() => void refresh(), waitMs);
  if (overview === undefined) return;
  take(overview);
  void refreshJob();
}

async function ask() {
  const { window, queue, from } = askedRates();
  const query = new URLSearchParams({ boot, ended: lastEnded, window, queue, from });
  const response = await fetch(`/api/overview?${query}`, { signal: AbortSignal.timeout(LIMIT_MS) });
  if (!response.ok) throw new BadAnswer(`answers with an error (${response.status}; its log may tell more)`);
  return response.json();
}

function take(overview) {
  const { daemon, queues, ended, rates, now, canAct } = overview;
  // The daemon was upgraded: it may not understand this page any more.
  if (version !== undefined && version !== daemon.version) return location.reload();
  version = daemon.version;
  const isFresh = boot !== overview.boot;
  if (isFresh) forgetRates();
  boot = overview.boot;
  lastEnded = ended.reduce((most, { sequence }) => Math.max(most, sequence), isFresh ? 0 : lastEnded);
  allowActions(canAct);
  showDaemon(overview);
  showQueues(queues);
  takeRates(rates, queues, now);
  showRunning(overview);
  takeEnded(ended, queues, isFresh, now);
}

startTheme();
startActions();
startEnded();
startRates(() => void refresh());
onActed(() => void refresh());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
startJob();
await refresh();
