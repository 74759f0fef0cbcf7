// Search over everything, and the way to every place of the page.

import { get } from '../lib/api.js';
import { compared, findBooks } from '../lib/books.js';
import { h, icon, fill } from '../lib/dom.js';
import { date } from '../lib/time.js';
import { decode } from '../markdown/render.js';
import { text } from '../text.js';
import { explain, say } from './notice.js';

/** @typedef {import('../types.js').SearchHit} SearchHit */
/** @typedef {import('../lib/dom.js').IconName} IconName */

const PAUSE_MS = 120;
const LIMIT = 40;
const MOST_BOOKS = 5;

/** @typedef {{ label: string, icon: IconName, act: () => void }} Command */

/** @param {Command[]} commands */
export function openSearch(commands) {
  if (document.querySelector('dialog.search')) return;
  const input = h('input', {
    type: 'search', placeholder: text.search.placeholder, 'aria-label': text.search.label, autocomplete: 'off', spellcheck: 'false',
    role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'search-results', 'aria-autocomplete': 'list',
  });
  const results = h('div', { id: 'search-results', role: 'listbox', 'aria-label': text.search.hits });
  const dialog = h('dialog', { class: 'search', 'aria-label': text.search.label },
    h('div', { class: 'search-field' }, icon('search'), input), results, h('p', { class: 'quiet hint' }, text.search.hint));
  let chosen = 0;
  let asking = new AbortController();
  let timer = 0;

  const options = () => /** @type {HTMLElement[]} */ ([...results.querySelectorAll('[role=option]')]);
  const choose = (/** @type {number} */ index) => {
    const all = options();
    if (all.length === 0) return;
    chosen = (index + all.length) % all.length;
    all.forEach((option, at) => option.setAttribute('aria-selected', String(at === chosen)));
    input.setAttribute('aria-activedescendant', all[chosen].id);
    all[chosen].scrollIntoView({ block: 'nearest' });
  };
  const option = (/** @type {() => void} */ act, /** @type {import('../lib/dom.js').Child[]} */ ...content) =>
    h('div', { role: 'option', class: 'option', 'aria-selected': 'false', onclick: () => { dialog.close(); act(); } }, content);
  const number = () => options().forEach((one, at) => { one.id = `option-${at}`; });
  const showCommands = (/** @type {string} */ words) => {
    const fitting = commands.filter(({ label }) => label.toLowerCase().includes(words.toLowerCase()));
    return fitting.map((command) => option(command.act, icon(command.icon), h('span', null, command.label)));
  };
  const draw = async () => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const words = input.value.trim();
    if (words === '') {
      fill(results, h('p', { class: 'label' }, text.search.commands), showCommands(''));
      number();
      choose(0);
      return;
    }
    try {
      const [hits, books] = await Promise.all([get('search', { q: input.value, limit: LIMIT }, signal), booksCalled(words, signal)]);
      const fitting = showCommands(words);
      fill(results,
        hits.map((/** @type {SearchHit} */ hit) => option(() => go(hit), found(hit))),
        books.length > 0 && h('p', { class: 'label' }, text.search.books),
        books.map((book) => option(() => { location.hash = `#/books/${encodeURIComponent(book.id)}`; }, icon('book'), h('span', null, book.title, ' ', h('small', null, book.author)))),
        hits.length === 0 && books.length === 0 && fitting.length === 0 && h('p', { class: 'quiet none' }, text.search.none(words)),
        fitting.length > 0 && h('p', { class: 'label' }, text.search.commands), fitting);
      say(text.search.results(hits.length + books.length));
    } catch (error) {
      if (signal.aborted) return;
      fill(results, h('p', { class: 'fault' }, explain(error)));
    }
    number();
    choose(0);
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(draw, PAUSE_MS);
  });
  input.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      choose(chosen + (event.key === 'ArrowDown' ? 1 : -1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      options()[chosen]?.click();
    } else if (event.key === 'Escape') {
      // The browser would only empty the field.
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener('pointerdown', (event) => { if (event.target === dialog) dialog.close(); });
  // Going back leads to another place, not to one that is covered.
  const close = () => dialog.close();
  addEventListener('hashchange', close);
  dialog.addEventListener('close', () => {
    removeEventListener('hashchange', close);
    clearTimeout(timer);
    asking.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  draw();
}

/**
 * Books that these words name; what is only alike in meaning is found among the books.
 * @param {string} words
 * @param {AbortSignal} signal
 */
async function booksCalled(words, signal) {
  try {
    const all = compared(words).split(' ');
    const books = await findBooks(words, signal, MOST_BOOKS);
    return books.filter(({ title, author }) => {
      const name = compared(`${title} ${author ?? ''}`);
      return all.every((word) => name.includes(word));
    });
  } catch (error) {
    if (signal.aborted) throw error;
    // The chats are what one came for.
    console.warn('no books are found', error);
    return [];
  }
}

/** @param {SearchHit} hit */
function go(hit) {
  location.hash = hit.message_id ? `#/c/${hit.conversation_id}/${hit.message_id}` : `#/c/${hit.conversation_id}`;
}

/** @param {SearchHit} hit */
function found(hit) {
  const who = hit.role === null ? text.search.inTitle : hit.role === 'user' ? text.search.you : text.search.answer;
  return h('div', { class: 'hit' },
    h('div', { class: 'hit-head' }, h('b', { dir: 'auto' }, hit.title || text.shell.untitled), h('span', { class: 'quiet' }, `${who}, ${date(hit.created_at)}`)),
    h('p', { dir: 'auto' }, marked(hit.snippet)));
}

/**
 * The snippet is escaped text with `<mark>` in it, and is read as exactly that.
 * @param {string} snippet
 */
function marked(snippet) {
  return snippet.split(/(<mark>[\s\S]*?<\/mark>)/).filter(Boolean).map((part) =>
    part.startsWith('<mark>') ? h('mark', null, decode(part.slice(6, -7))) : decode(part));
}
