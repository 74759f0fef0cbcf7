// Where the page begins: who is there, and which place is asked for.

import { call, get, onExpired, setToken, token } from './lib/api.js';
import { keepFor } from './lib/keep.js';
import { signAgain, signPage } from './pages/sign.js';
import { explain, mountNotices, notify, report } from './shell/notice.js';
import { Shell } from './shell/shell.js';
import { applyTheme } from './shell/theme.js';
import { h } from './lib/dom.js';
import { text } from './text.js';

/** @typedef {import('./types.js').Account} Account */

applyTheme();
mountNotices();
begin();

async function begin() {
  if (!token()) {
    document.body.prepend(await signPage(() => location.reload()));
    return;
  }
  /** @type {Account} */
  let account;
  onExpired(async () => leave());
  try {
    account = await get('users/me');
  } catch (error) {
    document.body.prepend(h('main', { class: 'sign-page' },
      h('p', { class: 'fault' }, explain(error)), h('button', { type: 'button', class: 'button', onclick: () => location.reload() }, text.tryAgain)));
    return;
  }
  keepFor(account.id);
  onExpired(async () => {
    await signAgain(account.email, leave);
    // Whoever signed in meanwhile may be somebody else; nothing here is theirs.
    const now = await get('users/me');
    if (now.id !== account.id) location.reload();
  });
  const shell = new Shell(account, async () => {
    try {
      await call('POST', 'auth/logout');
    } catch (error) {
      report(error);
    }
    leave();
  });
  document.body.prepend(shell.element);
  await shell.start();
  addEventListener('hashchange', () => open(shell));
  addEventListener('storage', (event) => {
    if (event.key !== 'chatai:token') return;
    if (event.newValue) setToken(event.newValue);
    else location.reload();
  });
  open(shell);
}

function leave() {
  setToken(null);
  location.reload();
}

/** The place that stands behind `#`. @param {Shell} shell */
async function open(shell) {
  const [place, id, message] = location.hash.replace(/^#\/?/, '').split('/');
  try {
    switch (place) {
      case 'c':
        shell.openChat(Number(id) || null, Number(message) || undefined);
        break;
      case 'usage':
        shell.openPage(text.usage.title, (await import('./pages/usage.js')).usagePage());
        break;
      case 'settings':
        shell.openPage(text.settings.title, (await import('./pages/settings.js')).settingsPage(shell.account, leave));
        break;
      case 'admin':
        shell.openPage(text.admin.title, (await import('./pages/admin.js')).adminPage(shell.account));
        break;
      default:
        shell.openChat(null);
    }
  } catch (error) {
    console.warn('a part of the page is missing', error);
    notify(text.errors.stale, { label: text.errors.reload, act: () => location.reload() });
  }
}
