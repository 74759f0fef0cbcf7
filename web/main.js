// Where the page begins: who is there, and which place is asked for.

import { call, get, onExpired, setToken, token } from './lib/api.js';
import { keepFor } from './lib/keep.js';
import { fetchParts, parts } from './lib/later.js';
import { keepPage } from './shell/install.js';
import { explain, mountNotices, report } from './shell/notice.js';
import { Shell } from './shell/shell.js';
import { applyTheme } from './shell/theme.js';
import { h, mark } from './lib/dom.js';
import { text } from './text.js';

/** @typedef {import('./types.js').Account} Account */

/** How long until a server that cannot be reached is tried again. */
const AGAIN_MS = 4_000;

applyTheme();
mountNotices();
begin();
keepPage().then(fetchParts);
visualViewport?.addEventListener('resize', leaveKeyboardOut);

/** Where the keyboard on glass covers the page rather than making it smaller, the page makes itself smaller. */
function leaveKeyboardOut() {
  const view = /** @type {VisualViewport} */ (visualViewport);
  const covered = view.scale === 1 ? Math.max(innerHeight - view.height, 0) : 0;
  document.documentElement.style.setProperty('--covered', `${Math.round(covered)}px`);
}

async function begin() {
  if (!token()) {
    try {
      const { signPage } = await parts.sign();
      document.body.prepend(await signPage(() => location.reload()));
    } catch (error) {
      waitForServer(explain(error));
    }
    return;
  }
  /** @type {Account} */
  let account;
  onExpired(async () => leave());
  try {
    account = await get('users/me');
  } catch (error) {
    waitForServer(explain(error));
    return;
  }
  keepFor(account.id);
  onExpired(async () => {
    const { signAgain } = await parts.sign();
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
  // A book that an answer names opens over the answer; its address opens it among the others.
  shell.main.addEventListener('click', (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest?.('a[data-book]');
    if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    parts.book().then(({ showBook }) => showBook(link.dataset.book ?? null), report);
  });
  addEventListener('storage', (event) => {
    if (event.key !== 'chatai:token') return;
    if (event.newValue) setToken(event.newValue);
    else location.reload();
  });
  open(shell);
}

/**
 * Without a server there is nothing to show but that; it is looked for until it is there.
 * @param {string} reason
 */
function waitForServer(reason) {
  const again = () => {
    clearTimeout(timer);
    removeEventListener('online', again);
    place.remove();
    begin();
  };
  const place = h('main', { class: 'sign-page' }, h('div', { class: 'brand large' }, mark(), text.name),
    h('section', { class: 'greeting empty', role: 'status' }, h('h2', null, reason), h('p', null, text.errors.waiting),
      h('button', { type: 'button', class: 'button', onclick: again }, text.tryAgain)));
  document.body.prepend(place);
  const timer = setTimeout(again, AGAIN_MS);
  addEventListener('online', again);
}

function leave() {
  setToken(null);
  location.reload();
}

/** @type {import('./pages/books.js').Books | undefined} */
let books;

/**
 * @param {Shell} shell
 * @param {string | null} id of a book to show
 * @param {string | null} words to search
 */
async function openBooks(shell, id, words) {
  const place = location.hash;
  const [{ Books }, { showBook }] = await Promise.all([parts.books(), parts.book()]);
  // A person may have gone on meanwhile, or go on before the page hears that the sheet is closed.
  const isHere = () => location.hash === place;
  if (!isHere()) return;
  if (!books || !shell.shows(books.element)) {
    books = new Books();
    shell.openPage(text.books.title, books.element);
  }
  if (id === null) books.seek(words ?? '');
  const back = books.input.value.trim();
  // Closing the sheet is no step of its own: going back leads to where the book was found.
  await showBook(id, () => {
    if (isHere()) history.replaceState(null, '', back ? `#/books?q=${encodeURIComponent(back)}` : '#/books');
  });
}

/** The place that stands behind `#`. @param {Shell} shell */
async function open(shell) {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [place, id, message] = path.split('/');
  try {
    switch (place) {
      case 'c':
        shell.openChat(Number(id) || null, Number(message) || undefined);
        break;
      case 'books':
        await openBooks(shell, id ? decodeURIComponent(id) : null, new URLSearchParams(query).get('q'));
        break;
      case 'usage':
        shell.openPage(text.usage.title, (await parts.usage()).usagePage());
        break;
      case 'settings':
        shell.openPage(text.settings.title, (await parts.settings()).settingsPage(shell.account, () => shell.signOut(), leave));
        break;
      case 'admin':
        shell.openPage(text.admin.title, (await parts.admin()).adminPage(shell.account));
        break;
      default:
        shell.openChat(null);
    }
  } catch (error) {
    report(error);
  }
}
