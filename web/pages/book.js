// A book's sheet, over whatever place one came from.

import { h, icon, fill } from '../lib/dom.js';
import { keep, kept } from '../lib/keep.js';
import { readBook } from '../lib/books.js';
import { explain } from '../shell/notice.js';
import { openDialog } from '../shell/overlay.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').Book} Book */
/** @typedef {import('../types.js').WholeBook} WholeBook */

const words = text.books;

/** @type {{ id: string, dialog: HTMLDialogElement } | null} */
let shown = null;

// Wherever one goes on to, the sheet does not stay over it.
addEventListener('hashchange', () => { if (!location.hash.startsWith('#/books/')) showBook(null); });

/**
 * Shows a book, or none any more.
 * @param {string | null} id
 * @param {() => void} [onClosed] is told when a person has closed it
 */
export async function showBook(id, onClosed) {
  if (shown?.id === id) return;
  const before = shown;
  shown = null;
  before?.dialog.close();
  if (id === null) return;
  const body = h('div', { class: 'sheet-body', 'aria-busy': 'true' }, h('p', { class: 'quiet' }, text.loading));
  const dialog = openDialog(words.one, [body], { class: 'sheet', onclose: () => {
    if (shown?.dialog !== dialog) return;
    shown = null;
    onClosed?.();
  } });
  shown = { id, dialog };
  try {
    const book = await readBook(id);
    /** @type {HTMLElement} */ (dialog.querySelector('header h2')).textContent = book.title;
    fill(body, sheet(book));
  } catch (error) {
    const isGone = /** @type {any} */ (error)?.status === 404;
    fill(body, h('p', { class: 'fault' }, icon('warning'), isGone ? words.gone : explain(error)));
  }
  body.removeAttribute('aria-busy');
}

/** @param {WholeBook} book */
function sheet(book) {
  const link = (/** @type {string} */ label) =>
    h('a', { class: 'tag', href: `#/books?q=${encodeURIComponent(label)}` }, label);
  const tags = (/** @type {string} */ label, /** @type {string[]} */ list) => list.length > 0 &&
    h('div', { class: 'tag-row' }, h('h3', { class: 'label' }, label), h('ul', { class: 'tags' }, list.map((one) => h('li', null, link(one)))));
  return [
    h('div', { class: 'sheet-head' }, cover(book),
      h('div', null, h('p', { class: 'author' }, book.author), h('p', { class: 'quiet' }, facts({ ...book, author: null }))),
      book.short_summary && h('p', { class: 'sheet-lead' }, book.short_summary)),
    book.full_summary && book.full_summary !== book.short_summary && h('p', null, book.full_summary),
    tags(words.genres, book.genres), tags(words.themes, book.themes),
    h('div', { class: 'row end sheet-acts' },
      h('button', { type: 'button', class: 'button', onclick: () => ask(words.similarTo(book.title)) }, words.similar),
      h('button', { type: 'button', class: 'button primary', onclick: () => ask(words.askAbout(book.title, book.author)) }, words.ask)),
  ];
}

/**
 * Begins a chat with a question, which is not sent yet; what stood there already stays.
 * @param {string} question
 */
function ask(question) {
  const draft = kept('draft:new', { text: '', model: '' });
  keep('draft:new', { ...draft, text: [draft.text, question].filter(Boolean).join('\n\n') });
  showBook(null);
  location.hash = '#/';
}

const COVERS = 6;

/**
 * A cover made of the book's own words.
 * @param {Book} book
 */
export function cover(book) {
  const number = [...book.title].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9_973, 7) % COVERS;
  return h('span', { class: `cover cover-${number}`, 'aria-hidden': 'true' }, h('b', null, book.title));
}

/** @param {Pick<Book, 'author' | 'year' | 'language'>} book */
export function facts(book) {
  const before = /^-(\d+)$/.exec(book.year ?? '')?.[1];
  return [book.author, before ? words.before(before) : book.year, book.language].filter(Boolean).join(' · ');
}
