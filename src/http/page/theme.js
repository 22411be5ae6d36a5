import { byId, say } from './dom.js';

const KEY = 'rbit-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

/** Light or dark as the system has it, until somebody chooses. */
export function startTheme() {
  const button = byId('theme');
  dark.addEventListener('change', show);
  button.addEventListener('click', () => {
    const other = current() === 'dark' ? 'light' : 'dark';
    // The choice of the system is not written down, so that it is followed.
    if ((other === 'dark') === dark.matches) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, other);
    show();
  });
  show();

  function show() {
    const theme = current();
    document.documentElement.dataset.theme = theme;
    say(button, theme === 'dark' ? 'Light' : 'Dark');
    button.setAttribute('aria-label', `Switch to ${theme === 'dark' ? 'light' : 'dark'} colours`);
  }
}

function current() {
  const chosen = localStorage.getItem(KEY);
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return dark.matches ? 'dark' : 'light';
}
