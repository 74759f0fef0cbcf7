// One question and one answer as they stand in a chat.

import { get } from '../lib/api.js';
import { h, icon, iconButton, fill } from '../lib/dom.js';
import { keep, kept } from '../lib/keep.js';
import { parts } from '../lib/later.js';
import { parse, exact } from '../lib/money.js';
import { full, seconds } from '../lib/time.js';
import { copyButton } from '../markdown/render.js';
import { MarkdownStream } from '../markdown/stream.js';
import { report } from '../shell/notice.js';
import { openMenu } from '../shell/overlay.js';
import { text } from '../text.js';
import { attachmentList } from './attachments.js';
import { modelName } from './models.js';
import { Steps } from './steps.js';
import { Turn } from './turns.js';

/** @typedef {import('../types.js').Message} Message */

/**
 * What a message asks of the chat it stands in.
 * @typedef {object} Actions
 * @property {(message: Message, text: string) => void} edit
 * @property {(message: Message, model: string) => void} regenerate
 * @property {(message: Message) => void} goOn where the answer broke off
 * @property {(sibling: number, near: HTMLElement) => void} choose a branch
 * @property {() => string[]} models that can answer
 */

/**
 * What a question that is being edited is kept as until it has been asked.
 * @param {number} id
 */
export function editOf(id) {
  return `edit:${id}`;
}

/** What answers where there is no model. */
const BUILT_IN = 'built-in';
/** Longer questions are folded. */
const FOLD_CHARS = 1_400;

/**
 * The arrows between versions; nothing where there is one.
 * @param {Message} message
 * @param {Actions} actions
 */
function branches(message, actions) {
  const { siblings, id } = message;
  const at = siblings.indexOf(id);
  if (siblings.length < 2 || at < 0) return null;
  const go = (/** @type {number} */ to) => (/** @type {MouseEvent} */ event) =>
    actions.choose(siblings[to], /** @type {HTMLElement} */ (event.currentTarget).closest('article') ?? document.body);
  return h('span', { class: 'branches', role: 'group', 'aria-label': text.chat.branch(at + 1, siblings.length) },
    iconButton('left', text.chat.earlier, go(at - 1), { disabled: at === 0 }),
    h('span', { class: 'numbers' }, text.chat.branchShort(at + 1, siblings.length)),
    iconButton('right', text.chat.later, go(at + 1), { disabled: at === siblings.length - 1 }));
}

/** A question. */
export class QuestionView {
  /**
   * @param {Message | { text: string, attachments: [], created_at: string, id: 0 }} message
   * @param {Actions} actions
   * @param {File[]} [sending] files that are on their way
   */
  constructor(message, actions, sending = []) {
    this.message = message;
    this.actions = actions;
    this.files = sending;
    this.element = h('article', { class: 'question', 'aria-label': text.chat.you, tabindex: '-1' });
    this.draw();
  }

  /** @param {Message} message */
  become(message) {
    this.message = message;
    this.files = [];
    this.draw();
  }

  draw() {
    const { message } = this;
    const body = h('div', { class: 'bubble', dir: 'auto' }, message.text);
    this.element.dataset.id = String(message.id);
    const isLong = message.text.length > FOLD_CHARS || message.text.split('\n').length > 16;
    if (isLong) body.classList.add('folded');
    const toggle = isLong && h('button', { type: 'button', class: 'link', onclick: () => {
      const folded = body.classList.toggle('folded');
      /** @type {HTMLElement} */ (toggle).textContent = folded ? text.chat.showAll : text.chat.showLess;
    } }, text.chat.showAll);
    const known = message.id !== 0 ? /** @type {Message} */ (message) : null;
    fill(this.element,
      attachmentList(message.attachments, this.files),
      body,
      h('footer', null,
        toggle,
        known && branches(known, this.actions),
        h('span', { class: 'tools' },
          known && h('time', { title: full(known.created_at) }, full(known.created_at)),
          copyButton(() => this.message.text),
          known && iconButton('edit', text.chat.edit, () => this.edit()))));
  }

  /** Puts the text into a field; what is asked then stands beside the old question, on a branch of its own. */
  edit() {
    const message = /** @type {Message} */ (this.message);
    // What is typed here outlives the page as well.
    const name = editOf(message.id);
    const area = h('textarea', { dir: 'auto', value: kept(name, message.text), 'aria-label': text.chat.editLabel, rows: 3, oninput: () => keep(name, area.value) });
    const cancel = () => {
      keep(name, undefined);
      this.draw();
    };
    const send = () => {
      if (area.value.trim() !== '') this.actions.edit(message, area.value);
    };
    const form = h('form', { class: 'edit', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); send(); } },
      area,
      h('div', { class: 'row end' },
        h('button', { type: 'button', class: 'button quiet', onclick: cancel }, text.cancel),
        h('button', { type: 'submit', class: 'button primary' }, text.chat.editSend)));
    area.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Escape') {
        event.stopPropagation();
        cancel();
      } else if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        send();
      }
    });
    fill(this.element, form);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }
}

/** An answer, while it comes and afterwards. */
export class AnswerView {
  /**
   * @param {Actions} actions
   */
  constructor(actions) {
    this.actions = actions;
    /** @type {Message | null} */
    this.message = null;
    /** What it was seen to do; of an answer that is read again, what its events tell. @type {Promise<Turn['steps']> | null} */
    this.told = null;
    this.steps = new Steps();
    this.body = h('div', { class: 'prose' });
    this.state = h('div', { class: 'state' });
    this.footer = h('footer');
    this.element = h('article', { class: 'answer', 'aria-label': text.chat.answer, tabindex: '-1' }, this.steps.element, this.body, this.state, this.footer);
    this.stream = new MarkdownStream(this.body);
  }

  /** @param {Message} message */
  show(message) {
    this.message = message;
    this.element.dataset.id = String(message.id);
    this.element.removeAttribute('aria-busy');
    this.element.classList.remove('running');
    this.stream.finish(message.text);
    this.#showState(message.status, message.error);
    this.#showFooter(message);
    if (message.steps && this.steps.isEmpty) this.steps.outline(message.steps, () => this.#stepsOf(message));
    const tools = async () => (await this.#stepsOf(message)).filter((step) => step.kind === 'tool');
    // Without its links an answer is as readable as the network allows.
    if (message.text !== '') parts.bookLinks().then(({ linkBooks }) => linkBooks(this.body, message.text, tools), () => {});
  }

  /**
   * What an answer that has ended did: its events tell it again.
   * @param {Message} message
   */
  #stepsOf(message) {
    if (message.steps?.length === 0) return Promise.resolve([]);
    this.told ??= (async () => {
      const turn = Turn.of(message);
      await turn.follow();
      if (turn.error?.code !== message.error?.code) throw new Error('an answer cannot be read again');
      return turn.steps;
    })().catch((error) => {
      this.told = null;
      throw error;
    });
    return this.told;
  }

  /**
   * Begins with what another answer said.
   * @param {string} begun
   */
  begin(begun) {
    this.stream.update(begun);
  }

  /** @param {Turn} turn */
  follow(turn) {
    this.element.dataset.id = String(turn.responseId);
    this.told = Promise.resolve(turn.steps);
    this.steps.update(turn);
    if (!turn.hasEnded) {
      this.element.setAttribute('aria-busy', 'true');
      this.element.classList.add('running');
      if (turn.text) this.stream.update(turn.text);
      fill(this.state,
        turn.isCutOff && h('p', { class: 'hint cut-off', role: 'status' }, icon('warning'), text.chat.cutOff),
        !turn.text && !turn.isCutOff && h('span', { class: 'waiting', role: 'img', 'aria-label': text.chat.thinking }, h('i'), h('i'), h('i')));
      return;
    }
    this.element.removeAttribute('aria-busy');
    this.element.classList.remove('running');
    this.stream.finish(turn.text);
    this.#showState(turn.status, turn.error);
  }

  /**
   * @param {import('../types.js').Status} status
   * @param {import('../types.js').Failure | null} error
   */
  #showState(status, error) {
    const said = { stopped: text.chat.stopped, interrupted: text.chat.interrupted, failed: error?.detail || text.chat.failed }[/** @type {string} */ (status)];
    if (!said) {
      fill(this.state);
      return;
    }
    const isPlain = status === 'stopped';
    // The built-in responder says the same each time.
    const canGoOn = this.message !== null && this.message.text !== '' && this.message.model !== BUILT_IN;
    fill(this.state, h('div', { class: isPlain ? 'hint' : 'fault', role: isPlain ? undefined : 'alert', 'data-code': error?.code },
      !isPlain && icon('warning'),
      h('p', null, said),
      h('div', { class: 'row' },
        h('button', { type: 'button', class: 'button small', onclick: () => this.message && this.actions.regenerate(this.message, '') }, icon('retry'), text.chat.retry),
        canGoOn && h('button', { type: 'button', class: 'button small', title: text.chat.continueHint, onclick: () => this.message && this.actions.goOn(this.message) }, icon('go-on'), text.chat.continue)),
      canGoOn && h('p', { class: 'quiet kept' }, text.chat.versionKept)));
  }

  /** @param {Message} message */
  #showFooter(message) {
    const retry = iconButton('retry', text.chat.retry, () => {
      openMenu(retry, [
        { label: text.chat.retry, icon: 'retry', act: () => this.actions.regenerate(message, '') },
        ...this.actions.models().filter((name) => name !== message.model).slice(0, 12).map((name, index) => ({
          heading: index === 0 ? text.chat.retryWith : undefined, label: modelName(name), act: () => this.actions.regenerate(message, name),
        })),
      ]);
    }, { 'aria-haspopup': 'menu' });
    const price = parse(message.price_exact);
    const facts = [
      modelName(message.model ?? ''),
      (message.input_tokens ?? 0) + (message.output_tokens ?? 0) > 0 &&
        text.line.tokens(message.input_tokens ?? 0, message.cached_tokens ?? 0, message.output_tokens ?? 0),
      // Unknown is not free.
      message.price_exact === null ? text.models.unpriced : price === 0n ? text.line.free : exact(price),
      message.duration_ms !== null && seconds(message.duration_ms),
      message.first_token_ms !== null && text.line.first(seconds(message.first_token_ms)),
    ].filter(Boolean);
    fill(this.footer,
      branches(message, this.actions),
      h('span', { class: 'tools' }, message.text !== '' && copyButton(() => this.message?.text ?? ''), retry),
      h('button', { type: 'button', class: 'facts', title: text.line.details, 'aria-haspopup': 'dialog',
        onclick: () => parts.details().then(({ openDetails }) => openDetails(() => get(`chat/messages/${message.id}/usage-details`)), report) },
        facts.map((fact) => h('span', null, /** @type {string} */ (fact)))));
  }
}
