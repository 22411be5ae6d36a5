import { byId, make, say } from './dom.js';

/* What may be done with the token, which is typed once for each tab and sent in a header alone. */

const KEY = 'rbit-token';
const LIMIT_MS = 12_000;
const SHOWN_MS = 8_000;
const MEANT_MS = 4_000;

let hide;
let canAct = false;
const listeners = [];

/** Whether buttons are to be shown: the daemon has a token, and it was typed here. */
export function isUnlocked() {
  return canAct && sessionStorage.getItem(KEY) !== null;
}

/** Hears when `isUnlocked` may have changed, and when something was done. */
export function onActed(listener) {
  listeners.push(listener);
}

export function allowActions(allowed) {
  canAct = allowed;
  const unlock = byId('unlock');
  unlock.hidden = !allowed;
  say(unlock, isUnlocked() ? 'Lock actions' : 'Unlock actions');
}

export function startActions() {
  const [dialog, input, wrong] = [byId('token'), byId('token-text'), byId('token-wrong')];
  byId('unlock').addEventListener('click', () => {
    if (!isUnlocked()) return ask('');
    sessionStorage.removeItem(KEY);
    tell();
  });
  byId('token-close').addEventListener('click', () => dialog.close());
  byId('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void tryToken(input.value.trim());
  });

  async function tryToken(token) {
    say(wrong, '');
    const { done, says } = await post('token', {}, token);
    if (!done) {
      say(wrong, sentence(says));
      input.select();
      return;
    }
    sessionStorage.setItem(KEY, token);
    input.value = '';
    dialog.close();
    tell();
    announce('Actions are unlocked until this tab is closed.');
  }
}

function ask(why) {
  say(byId('token-wrong'), why);
  if (!byId('token').open) byId('token').showModal();
  byId('token-text').focus();
}

/**
 * A button that does something: `act` returns the name of an action, what it is about, and what follows when it is done.
 * With `isMeant` it asks once more, in its own place.
 */
export function actionButton(text, { isMeant, label } = {}, act) {
  const button = make('button', { type: 'button', textContent: text });
  const setLabel = (shown) => label !== undefined && button.setAttribute('aria-label', `${shown} ${label}`);
  setLabel(text);
  let isAsked = false;
  let forget;
  const reset = () => {
    clearTimeout(forget);
    isAsked = false;
    say(button, text);
    setLabel(text);
  };
  button.addEventListener('click', async () => {
    if (isMeant !== undefined && !isAsked) {
      isAsked = true;
      say(button, isMeant);
      setLabel(isMeant);
      forget = setTimeout(reset, MEANT_MS);
      return;
    }
    reset();
    button.disabled = true;
    const [name, names, onDone] = act();
    const { done, says, isWrongToken } = await post(name, names, sessionStorage.getItem(KEY) ?? '');
    button.disabled = false;
    if (isWrongToken === true) {
      sessionStorage.removeItem(KEY);
      ask(sentence(says));
    } else announce(`${done ? '' : 'Not done: '}${sentence(says)}`);
    if (done) onDone?.();
    tell();
  });
  return button;
}

async function post(name, names, token) {
  try {
    const response = await fetch(`/api/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(names),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return { ...(await response.json()), isWrongToken: response.status === 401 };
  } catch {
    return { done: false, says: 'the daemon did not answer' };
  }
}

/** Says in a corner, and aloud, what came of something. */
function announce(text) {
  say(byId('said'), text);
  clearTimeout(hide);
  hide = setTimeout(() => say(byId('said'), ''), SHOWN_MS);
}

function tell() {
  for (const listener of listeners) listener();
}

function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
