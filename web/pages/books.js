// The book collection: to look through, to search, to narrow down.

import { collection, findBooks } from '../lib/books.js';
import { h, icon, fill } from '../lib/dom.js';
import { explain, say } from '../shell/notice.js';
import { text } from '../text.js';
import { cover, facts } from './book.js';

/** @typedef {import('../types.js').Book} Book */

const PAUSE_MS = 200;
/** Cards that are made at once; more come as one scrolls. */
const STEP = 48;
const words = text.books;

/** What the page of books shows; its address says where it begins. */
export class Books {
  /** @type {Book[]} */
  #all = [];
  #isWhole = true;
  /** @type {Book[] | null} what the words of the search found */
  #found = null;
  #asking = new AbortController();
  #timer = 0;
  #drawn = 0;
  /** @type {Book[]} */
  #shown = [];

  constructor() {
    this.input = h('input', { type: 'search', placeholder: words.placeholder, 'aria-label': words.search, autocomplete: 'off', spellcheck: 'false', maxlength: 500,
      oninput: () => this.#later() });
    this.genre = h('select', { 'aria-label': words.genre, onchange: () => this.#draw() });
    this.language = h('select', { 'aria-label': words.language, onchange: () => this.#draw() });
    this.count = h('p', { class: 'quiet', role: 'status' });
    this.grid = h('ul', { class: 'books', 'aria-busy': 'true' }, Array.from({ length: 6 }, () => h('li', { class: 'book blank' }, h('span', { class: 'cover' }), h('i'))));
    this.end = h('div', { class: 'books-end' });
    this.state = h('div');
    this.watch = new IntersectionObserver((seen) => { if (seen.some(({ isIntersecting }) => isIntersecting)) this.#more(); }, { rootMargin: '600px' });
    this.watch.observe(this.end);
    this.element = h('div', { class: 'page' },
      h('form', { class: 'book-search', role: 'search', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.#search(); } },
        h('div', { class: 'with-icon' }, icon('search'), this.input), this.genre, this.language),
      this.count, this.state, this.grid, this.end);
    this.#load();
  }

  /** Seeks these words. @param {string} wanted */
  seek(wanted) {
    if (this.input.value === wanted) return;
    this.input.value = wanted;
    this.genre.value = '';
    this.language.value = '';
    this.#search();
  }

  async #load() {
    const take = (/** @type {Book[]} */ books) => {
      this.#all = books;
      this.#choices();
      if (!this.#found && this.input.value.trim() === '') this.#grow();
    };
    try {
      const { books, isWhole } = await collection(take);
      this.#isWhole = isWhole;
      take(books);
    } catch (error) {
      fill(this.grid);
      this.grid.removeAttribute('aria-busy');
      fill(this.state, h('div', { class: 'fault' }, icon('warning'), h('p', null, explain(error)),
        h('button', { type: 'button', class: 'button small', onclick: () => { fill(this.state); this.#load(); } }, text.tryAgain)));
    }
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), PAUSE_MS);
  }

  async #search() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const wanted = this.input.value.trim();
    // The address of a book that is shown over the list stays.
    if (/^#\/books(\?|$)/.test(location.hash)) history.replaceState(null, '', wanted ? `#/books?q=${encodeURIComponent(wanted)}` : '#/books');
    if (wanted === '') {
      this.#found = null;
      this.#draw();
      return;
    }
    this.grid.setAttribute('aria-busy', 'true');
    try {
      this.#found = await findBooks(wanted, signal);
      this.#draw();
      say(words.found(this.#shown.length));
    } catch (error) {
      if (signal.aborted) return;
      fill(this.state, h('p', { class: 'fault' }, icon('warning'), explain(error)));
      this.grid.removeAttribute('aria-busy');
    }
  }

  /** What may be chosen, the most frequent first. */
  #choices() {
    const offer = (/** @type {HTMLSelectElement} */ select, /** @type {string} */ all, /** @type {(book: Book) => string[]} */ of) => {
      const before = select.value;
      /** @type {Map<string, number>} */
      const counts = new Map();
      for (const one of this.#all.flatMap(of)) counts.set(one, (counts.get(one) ?? 0) + 1);
      const names = [...counts].sort(([one, a], [other, b]) => b - a || one.localeCompare(other));
      fill(select, h('option', { value: '' }, all), names.map(([name, count]) => h('option', { value: name }, `${name} (${text.count(count)})`)));
      select.value = counts.has(before) ? before : '';
    };
    offer(this.genre, words.allGenres, (book) => book.genres);
    offer(this.language, words.allLanguages, (book) => (book.language ? [book.language] : []));
  }

  /** Draws what fits, from its beginning. */
  #draw() {
    this.#drawn = 0;
    this.#grow();
  }

  /** Goes on where more has come behind what is drawn. */
  #grow() {
    const [genre, language] = [this.genre.value, this.language.value];
    const from = this.#found ?? this.#all;
    this.#shown = from.filter((book) => (genre === '' || book.genres.includes(genre)) && (language === '' || book.language === language));
    this.grid.removeAttribute('aria-busy');
    if (this.#drawn === 0) fill(this.grid);
    fill(this.state, this.#shown.length === 0 && this.#nothing());
    this.count.textContent = this.#shown.length === 0 ? '' : this.#found ? words.found(this.#shown.length)
      : this.#shown.length < this.#all.length ? words.narrowed(this.#shown.length, this.#all.length)
        : this.#isWhole ? words.whole(this.#all.length) : words.part(this.#all.length);
    if (this.#drawn < STEP) this.#more();
  }

  #nothing() {
    const isEmpty = this.#all.length === 0 && !this.#found;
    return h('section', { class: 'greeting empty' }, icon('book'), h('h2', null, isEmpty ? words.empty : words.none),
      isEmpty ? h('p', null, words.emptyLead) : h('button', { type: 'button', class: 'button', onclick: () => this.#reset() }, words.reset));
  }

  #reset() {
    this.genre.value = '';
    this.language.value = '';
    this.input.value = '';
    this.#search();
    this.input.focus();
  }

  #more() {
    const next = this.#shown.slice(this.#drawn, this.#drawn + STEP);
    this.#drawn += next.length;
    this.grid.append(...next.map(card));
    // It tells of changes alone: where the new cards leave the end in sight, it has to look anew.
    this.watch.unobserve(this.end);
    if (next.length > 0) this.watch.observe(this.end);
  }
}

/** @param {Book} book */
function card(book) {
  return h('li', null, h('a', { class: 'book', href: `#/books/${encodeURIComponent(book.id)}` }, cover(book),
    h('span', { class: 'book-about' }, h('b', { class: 'book-title' }, book.title), h('span', { class: 'quiet' }, facts(book)), h('span', { class: 'book-summary' }, book.short_summary))));
}
