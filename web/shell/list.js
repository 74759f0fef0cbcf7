// The chats, newest first: pages are read as they are needed, and only rows in sight are elements.

import { page } from '../lib/api.js';
import { h, iconButton } from '../lib/dom.js';
import { daysAgo, moment } from '../lib/time.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').Conversation} Conversation */
/** @typedef {{ label: string } | { chat: Conversation }} Row */

const PAGE = 100;
/** More are pinned by nobody who still wants to find them. */
const MOST_PINNED = 200;
const ROW_PX = 36;
/** Rows beyond what is in sight. */
const MARGIN = 10;

export class ChatList {
  /** @type {Conversation[]} */
  chats = [];
  /** Those that stand above all others. @type {Conversation[]} */
  pinned = [];
  /** @type {number | null} */
  current = null;
  /** @type {Map<number, 'running' | 'finished'>} */
  marks = new Map();
  #next = /** @type {string | null} */ (null);
  #isLoading = false;
  /** @type {Row[]} */
  #rows = [];
  /** @type {Set<number>} deleted here, while that can be undone */
  #hidden = new Set();

  /** @param {(chat: Conversation, button: HTMLElement) => void} onMenu */
  constructor(onMenu) {
    this.onMenu = onMenu;
    this.rows = h('ul', { class: 'chat-rows' });
    this.element = h('nav', { class: 'chat-list', 'aria-label': text.shell.chats, tabindex: '-1' }, this.rows);
    this.element.addEventListener('scroll', () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** Reads the first page anew; what was read behind it stays. */
  async refresh() {
    const [found, pinned] = await Promise.all([page('conversations/', { limit: PAGE }), page('conversations/', { limit: MOST_PINNED, pinned: 'true' })]);
    this.pinned = pinned.body;
    /** @type {Conversation[]} */
    const fresh = found.body;
    const oldest = fresh.at(-1);
    const behind = found.next && oldest ? this.chats.filter((chat) => chat.created_at < oldest.created_at && !fresh.some((other) => other.id === chat.id)) : [];
    if (behind.length === 0) this.#next = found.next;
    this.chats = [...fresh, ...behind];
    this.arrange();
  }

  /**
   * A chat that has been read; a pinned one may lie far behind the others.
   * @param {number | null | undefined} id
   */
  find(id) {
    return this.pinned.find((chat) => chat.id === id) ?? this.chats.find((chat) => chat.id === id);
  }

  /**
   * @param {number} id
   * @param {string} title
   */
  setTitle(id, title) {
    const several = [...this.chats, ...this.pinned].filter((other) => other.id === id);
    for (const chat of several) chat.title = title;
    if (several.length > 0) this.arrange();
  }

  /**
   * @param {number} id
   * @param {boolean} isHidden
   */
  hide(id, isHidden) {
    if (isHidden) this.#hidden.add(id);
    else this.#hidden.delete(id);
    this.arrange();
  }

  /** @param {number | null} id */
  setCurrent(id) {
    this.current = id;
    this.#draw();
  }

  /**
   * @param {number} id
   * @param {'running' | 'finished' | null} mark
   */
  mark(id, mark) {
    if (mark) this.marks.set(id, mark);
    else this.marks.delete(id);
    this.#draw();
  }

  /**
   * The chat beside the current one.
   * @param {1 | -1} step
   */
  neighbour(step) {
    const visible = this.#rows.flatMap((row) => 'chat' in row ? [row.chat] : []);
    const at = visible.findIndex((chat) => chat.id === this.current);
    return at < 0 ? visible[0]?.id : visible[at + step]?.id;
  }

  /** Puts the rows in order, with the days between them. */
  arrange() {
    this.#rows = [];
    let before = '';
    const pinned = new Set(this.pinned.map(({ id }) => id));
    for (const chat of [...this.pinned, ...this.chats.filter(({ id }) => !pinned.has(id))]) {
      if (this.#hidden.has(chat.id)) continue;
      const label = pinned.has(chat.id) ? text.shell.pinned : group(chat);
      if (label !== before) this.#rows.push({ label });
      before = label;
      this.#rows.push({ chat });
    }
    this.#draw();
  }

  #draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - MARGIN);
    const last = Math.min(this.#rows.length, Math.ceil((scrollTop + clientHeight) / ROW_PX) + MARGIN);
    this.rows.style.height = `${this.#rows.length * ROW_PX}px`;
    const active = document.activeElement;
    const focused = this.rows.contains(active) ? /** @type {HTMLElement} */ (active).closest('li')?.dataset.id : undefined;
    const elements = this.#rows.slice(first, last).map((row, index) => this.#element(row, first + index));
    if (this.#rows.length === 0) elements.push(h('li', { class: 'quiet none' }, text.shell.noChats));
    this.rows.replaceChildren(...elements);
    if (focused) /** @type {HTMLElement | null} */ (this.rows.querySelector(`li[data-id="${focused}"] a`))?.focus({ preventScroll: true });
    if (this.#next && last >= this.#rows.length - MARGIN) this.#loadMore();
  }

  /**
   * @param {Row} row
   * @param {number} index
   */
  #element(row, index) {
    const element = 'label' in row ? h('li', { class: 'label' }, row.label) : this.#chat(row.chat);
    element.style.top = `${index * ROW_PX}px`;
    return element;
  }

  /** @param {Conversation} chat */
  #chat(chat) {
    const title = chat.title || text.shell.untitled;
    const mark = this.marks.get(chat.id);
    const more = iconButton('more', text.shell.menuOf(title), () => this.onMenu(chat, more), { 'aria-haspopup': 'menu' });
    return h('li', { class: 'chat-row', 'data-id': chat.id },
      h('a', { href: `#/c/${chat.id}`, 'aria-current': chat.id === this.current ? 'page' : undefined, title },
        h('span', { class: 'title', dir: 'auto' }, title),
        mark && h('span', { class: `mark ${mark}`, role: 'img', 'aria-label': text.shell[mark] })),
      more);
  }

  async #loadMore() {
    if (this.#isLoading || !this.#next) return;
    this.#isLoading = true;
    try {
      const found = await page('conversations/', { limit: PAGE, after: this.#next });
      const known = new Set(this.chats.map((chat) => chat.id));
      this.#next = found.next;
      this.chats.push(...found.body.filter((/** @type {Conversation} */ chat) => !known.has(chat.id)));
    } catch {
      // The next scroll asks again.
      return;
    } finally {
      this.#isLoading = false;
    }
    this.arrange();
  }
}

/** @param {Conversation} chat */
function group(chat) {
  const days = daysAgo(moment(chat.created_at));
  if (days <= 0) return text.shell.today;
  if (days === 1) return text.shell.yesterday;
  if (days <= 7) return text.shell.week;
  return days <= 30 ? text.shell.month : text.shell.older;
}
