// The frame of the page: the list of chats beside, the place above, and what stands in the middle.

import { call, get } from '../lib/api.js';
import { h, icon, iconButton, fill, mark } from '../lib/dom.js';
import { keep, kept } from '../lib/keep.js';
import { parts } from '../lib/later.js';
import { Composer } from '../chat/composer.js';
import { loadModels } from '../chat/models.js';
import { ChatView } from '../chat/view.js';
import { text } from '../text.js';
import { Activity } from './activity.js';
import { ChatList } from './list.js';
import { openShortcuts, listenForKeys } from './keys.js';
import { notify, report } from './notice.js';
import { field, openDialog, openMenu } from './overlay.js';

/** @typedef {import('../types.js').Account} Account */
/** @typedef {import('../types.js').Conversation} Conversation */

const PHONE = matchMedia('(max-width: 800px)');

export class Shell {
  /** @type {ChatView | null} */
  view = null;
  /** Chats that were read alone, since the list had not come to them. @type {Map<number, Conversation>} */
  #alone = new Map();
  /** Deletions that can still be undone. @type {Map<number, () => Promise<void>>} */
  #deleting = new Map();

  /**
   * @param {Account} account
   * @param {() => void} onSignOut
   */
  constructor(account, onSignOut) {
    this.account = account;
    this.onSignOut = onSignOut;
    this.tabs = new BroadcastChannel('chatai');
    this.tabs.onmessage = (event) => this.#heard(event.data);
    this.composer = new Composer({
      onSend: (question, files, model) => this.view?.send(question, files, model),
      onStop: () => this.view?.stop(),
      onEditLast: () => this.view?.editLast(),
    });
    this.list = new ChatList((chat, button) => this.#chatMenu(chat, button));
    this.activity = new Activity((chat, isRunning) => {
      const isHere = this.view?.id === chat;
      this.list.mark(chat, isRunning ? 'running' : isHere ? null : 'finished');
      if (!isRunning) this.#refreshList();
    });
    this.heading = h('h1', { class: 'place', dir: 'auto', tabindex: '-1' });
    this.placeTools = h('div', { class: 'row' });
    this.main = h('main', { id: 'main' });
    const accountButton = h('button', { type: 'button', class: 'account', 'aria-haspopup': 'menu', onclick: () => this.#accountMenu(accountButton) },
      h('span', { class: 'initial', 'aria-hidden': 'true' }, (account.display_name || account.email).slice(0, 1).toUpperCase()),
      h('span', { class: 'title' }, account.display_name || account.email), icon('more'));
    this.side = h('aside', { class: 'side', id: 'side' },
      h('div', { class: 'side-head' },
        h('a', { class: 'brand', href: '#/' }, mark(), text.name),
        iconButton('panel', text.shell.closeList, () => this.toggleSide())),
      h('div', { class: 'side-actions' },
        h('a', { class: 'side-action', href: '#/' }, icon('plus'), text.shell.newChat),
        h('button', { type: 'button', class: 'side-action', onclick: () => this.search() }, icon('search'), text.shell.search, h('kbd', null, 'Ctrl K')),
        h('a', { class: 'side-action', href: '#/books' }, icon('book'), text.shell.books)),
      this.list.element, accountButton);
    // Also where the place that is chosen is the one that stands there already.
    this.side.addEventListener('click', (event) => {
      if (PHONE.matches && /** @type {Element} */ (event.target).closest('a')) this.toggleSide(false);
    });
    const veil = h('div', { class: 'veil', onclick: () => this.toggleSide(false) });
    this.element = h('div', { class: 'shell' },
      h('a', { class: 'skip', href: '#main', onclick: (/** @type {Event} */ event) => { event.preventDefault(); this.composer.area.focus(); } }, text.skip),
      this.side, veil,
      h('div', { class: 'stage' },
        h('header', { class: 'top' },
          h('div', { class: 'row when-closed' },
            iconButton('panel', text.shell.openList, () => this.toggleSide(true), { 'aria-controls': 'side' }),
            h('a', { class: 'icon-button', href: '#/', 'aria-label': text.shell.newChat, title: text.shell.newChat }, icon('plus'))),
          this.heading, this.placeTools),
        this.main));
    // Notices stand above the place where one writes, whatever its height.
    new ResizeObserver(() => document.documentElement.style.setProperty('--composer', `${this.composer.element.offsetHeight}px`)).observe(this.composer.element);
    this.toggleSide(PHONE.matches ? false : kept('side', true));
    listenForKeys({
      search: () => this.search(), newChat: () => { location.hash = '#/'; this.composer.area.focus(); }, side: () => this.toggleSide(),
      question: () => this.composer.area.focus(), shortcuts: openShortcuts,
      neighbour: (step) => { const id = this.list.neighbour(step); if (id) location.hash = `#/c/${id}`; },
      escape: () => this.#escape(),
    });
    addEventListener('pagehide', () => { for (const remove of this.#deleting.values()) remove(); });
    this.main.addEventListener('dragover', (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      this.main.dataset.drop = text.composer.drop;
    });
    this.main.addEventListener('dragleave', (event) => { if (!this.main.contains(/** @type {Node | null} */ (event.relatedTarget))) delete this.main.dataset.drop; });
    this.main.addEventListener('drop', (event) => {
      delete this.main.dataset.drop;
      if (!event.dataTransfer?.files.length || !this.view) return;
      event.preventDefault();
      this.composer.add([...event.dataTransfer.files]);
    });
  }

  /** Reads what stands there from the beginning. */
  async start() {
    const models = loadModels().catch(report);
    this.#refreshList();
    this.activity.restore();
    this.#refreshBudget();
    await models;
  }

  /**
   * @param {number | null} id
   * @param {number} [message]
   */
  openChat(id, message) {
    if (this.view && this.view.id === id && this.main.contains(this.view.element)) {
      if (PHONE.matches) this.toggleSide(false);
      if (message) this.view.jump(message);
      return;
    }
    this.#leave();
    if (id) {
      this.activity.remove(id);
      this.list.mark(id, null);
    }
    const view = new ChatView(id, this.composer, {
      onCreated: (made) => {
        history.replaceState(null, '', `#/c/${made}`);
        this.list.setCurrent(made);
        this.#refreshList();
        this.#tell(made);
      },
      onTitle: (chat, title) => this.#setTitle(chat, title),
      onActivity: (chat, answer, isRunning) => {
        if (isRunning) this.activity.add(chat, answer);
        // One that began while it was left is new here as well.
        if (!isRunning || !this.#chat(chat)) this.#refreshList();
        this.#tell(chat);
      },
      onMoney: () => this.#refreshBudget(),
    });
    this.view = view;
    this.list.setCurrent(id);
    this.main.replaceChildren(view.element);
    this.composer.setRunning(false);
    this.#showPlace(id);
    this.#drawTools();
    if (!PHONE.matches) this.composer.area.focus();
    else this.toggleSide(false);
    view.open(message).catch(report);
  }

  /** Whether this is what stands in the middle. @param {HTMLElement | undefined} content */
  shows(content) {
    return content !== undefined && this.main.contains(content);
  }

  /**
   * @param {string} title
   * @param {HTMLElement} content
   */
  openPage(title, content) {
    this.#leave();
    this.list.setCurrent(null);
    this.#setPlace(title);
    this.placeTools.replaceChildren();
    this.main.replaceChildren(h('div', { class: 'scroller', tabindex: '-1' }, content));
    if (PHONE.matches) this.toggleSide(false);
    this.heading.focus();
  }

  /** @param {boolean} [open] */
  toggleSide(open = !this.element.classList.contains('with-side')) {
    this.element.classList.toggle('with-side', open);
    this.side.inert = !open;
    if (!PHONE.matches) keep('side', open);
  }

  search() {
    parts.search().then(({ openSearch }) => openSearch([
      { label: text.shell.newChat, icon: 'plus', act: () => { location.hash = '#/'; } },
      ...this.#places(),
      { label: text.shell.shortcuts, icon: 'keyboard', act: openShortcuts },
      { label: text.sign.out, icon: 'leave', act: () => this.signOut() },
    ]), report);
  }

  /** @returns {import('./search.js').Command[]} */
  #places() {
    const go = (/** @type {string} */ hash) => () => { location.hash = hash; };
    return [
      { label: text.shell.books, icon: 'book', act: go('#/books') },
      { label: text.shell.usage, icon: 'chart', act: go('#/usage') },
      { label: text.shell.settings, icon: 'settings', act: go('#/settings') },
      ...(this.account.role === 'admin' ? [/** @type {import('./search.js').Command} */ ({ label: text.shell.admin, icon: 'users', act: go('#/admin') })] : []),
    ];
  }

  /** What was deleted stays deleted, so that is done first: nobody can once the session has ended. */
  async signOut() {
    await Promise.all([...this.#deleting.values()].map((remove) => remove()));
    this.onSignOut();
  }

  #leave() {
    this.view?.leave();
    this.view = null;
  }

  /** @param {string} title */
  #setPlace(title) {
    this.heading.textContent = title || text.shell.newChat;
    document.title = title ? `${title} · ${text.name}` : text.name;
  }

  /**
   * @param {number} id
   * @param {string} title
   */
  #setTitle(id, title) {
    this.list.setTitle(id, title);
    const alone = this.#alone.get(id);
    if (alone) alone.title = title;
    if (this.view?.id === id) this.#setPlace(title);
  }

  /** @param {number} id */
  #chat(id) {
    return this.list.find(id) ?? this.#alone.get(id);
  }

  /** The title of a chat, which the list may not have come to. @param {number | null} id */
  async #showPlace(id) {
    const known = id ? this.#chat(id) : null;
    if (!id || known) {
      this.#setPlace(known ? known.title || text.shell.untitled : '');
      return;
    }
    this.heading.textContent = '';
    document.title = text.name;
    await this.#readAlone(id);
  }

  /** @param {number} id */
  async #readAlone(id) {
    try {
      this.#alone.set(id, await get(`conversations/${id}`));
    } catch {
      // What is wrong with it is said where its messages would stand.
      this.#alone.delete(id);
      return;
    }
    if (this.view?.id !== id) return;
    this.#setPlace(this.#chat(id)?.title || text.shell.untitled);
    this.#drawTools();
  }

  #drawTools() {
    const more = iconButton('more', text.more, () => {
      const id = this.view?.id;
      const chat = id && this.#chat(id);
      if (chat) this.#chatMenu(chat, more);
    }, { 'aria-haspopup': 'menu' });
    fill(this.placeTools, this.view?.id && this.#chat(this.view.id) && more);
  }

  async #refreshList() {
    try {
      await this.list.refresh();
    } catch (error) {
      report(error);
      return;
    }
    const chat = this.list.find(this.view?.id);
    if (chat) this.#setPlace(chat.title || text.shell.untitled);
    if (this.view) this.#drawTools();
  }

  async #refreshBudget() {
    try {
      this.composer.gauge.setBudget(await get('users/me/budget'));
    } catch {
      // What is left is a comfort; the service itself refuses what does not fit.
      this.composer.gauge.setBudget(null);
    }
  }

  /** @param {HTMLElement} button */
  #accountMenu(button) {
    openMenu(button, [
      ...this.#places(),
      { label: text.shell.shortcuts, icon: 'keyboard', act: openShortcuts },
      { label: text.sign.out, icon: 'leave', act: () => this.signOut() },
    ]);
  }

  /**
   * @param {Conversation} chat
   * @param {HTMLElement} button
   */
  #chatMenu(chat, button) {
    openMenu(button, [
      { label: chat.pinned_at ? text.shell.unpin : text.shell.pin, icon: 'pin', act: () => this.#pin(chat) },
      { label: text.shell.rename, icon: 'edit', act: () => this.#rename(chat) },
      { label: text.shell.exportMarkdown, icon: 'download', act: () => this.#export(chat, 'markdown') },
      { label: text.shell.exportJson, icon: 'download', act: () => this.#export(chat, 'json') },
      { label: text.shell.remove, icon: 'trash', danger: true, act: () => this.#remove(chat) },
    ]);
  }

  /**
   * @param {Conversation} chat
   * @param {'markdown' | 'json'} format
   */
  #export(chat, format) {
    parts.exports().then(({ exportChat }) => exportChat(chat, format)).catch(report);
  }

  /** Pins a chat to the top, or lets it go. @param {Conversation} chat */
  async #pin(chat) {
    try {
      await call(chat.pinned_at ? 'DELETE' : 'PUT', `conversations/${chat.id}/pin`);
      if (this.#alone.has(chat.id)) await this.#readAlone(chat.id);
      this.#tell(chat.id);
    } catch (error) {
      report(error);
    }
    await this.#refreshList();
  }

  /** @param {Conversation} chat */
  #rename(chat) {
    const input = h('input', { type: 'text', value: chat.title ?? '', maxlength: 200, required: true });
    const dialog = openDialog(text.shell.rename, [h('form', { onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      const title = input.value.trim();
      if (title === '') return;
      dialog.close();
      try {
        await call('PUT', `conversations/${chat.id}/rename`, { query: { new_title: title } });
        this.#setTitle(chat.id, title);
        this.#tell(chat.id);
      } catch (error) {
        report(error);
      }
    } }, field(text.shell.titleOf, input), h('div', { class: 'row end' }, h('button', { type: 'submit', class: 'button primary' }, text.save)))]);
    input.select();
  }

  /**
   * Deletes a chat, in a moment: until then it can be undone.
   * @param {Conversation} chat
   */
  #remove(chat) {
    const isHere = this.view?.id === chat.id;
    this.list.hide(chat.id, true);
    if (isHere) location.hash = '#/';
    const remove = () => {
      this.#deleting.delete(chat.id);
      return call('DELETE', `conversations/${chat.id}`, { keepalive: true }).then(() => this.#tell(chat.id), (error) => {
        this.list.hide(chat.id, false);
        report(error);
      });
    };
    this.#deleting.set(chat.id, remove);
    notify(text.shell.removed(chat.title || text.shell.untitled), {
      label: text.undo,
      act: () => {
        this.#deleting.delete(chat.id);
        this.list.hide(chat.id, false);
        if (isHere) location.hash = `#/c/${chat.id}`;
      },
      onGone: remove,
    });
  }

  #escape() {
    if (PHONE.matches && this.element.classList.contains('with-side')) this.toggleSide(false);
    else if (this.composer.isRunning) this.view?.stop();
  }

  /** Tells other tabs that something is new in a chat. @param {number} chat */
  #tell(chat) {
    this.tabs.postMessage({ chat, account: this.account.id });
  }

  /** @param {{ chat: number, account: number }} news */
  #heard({ chat, account }) {
    if (account !== this.account.id) return;
    this.#refreshList();
    this.#refreshBudget();
    if (this.#alone.has(chat)) this.#readAlone(chat);
    if (this.view?.id === chat && this.view.isIdle) this.view.reload();
  }
}
