// Where a question is written. What is typed, added and chosen is kept for each chat until the question has arrived.

import { h, icon, iconButton, fill } from '../lib/dom.js';
import { keep, keepFiles, kept, keptFiles } from '../lib/keep.js';
import { notify } from '../shell/notice.js';
import { text } from '../text.js';
import { chip, preview } from './attachments.js';
import { Gauge } from './gauge.js';
import { chooseModel, modelName, preferred } from './models.js';

/** Longer texts that are pasted become files. */
const PASTE_CHARS = 4_000;
const MAX_BYTES = 32 * 1024 * 1024;
const KEEP_PAUSE_MS = 250;

/**
 * @typedef {object} ComposerOptions
 * @property {(text: string, files: File[], model: string) => void} onSend
 * @property {() => void} onStop
 * @property {() => void} onEditLast
 */

export class Composer {
  /** @type {File[]} */
  files = [];
  model = '';
  isRunning = false;
  #draft = 'new';
  #keeping = 0;

  /** @param {ComposerOptions} options */
  constructor(options) {
    this.options = options;
    this.area = h('textarea', {
      id: 'question', rows: 1, dir: 'auto', placeholder: text.composer.placeholder, 'aria-label': text.composer.label, enterkeyhint: 'send',
      oninput: () => this.#changed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      onpaste: (/** @type {ClipboardEvent} */ event) => this.#paste(event),
    });
    this.list = h('ul', { class: 'files', hidden: true });
    this.fault = h('p', { class: 'fault', role: 'alert', hidden: true });
    this.gauge = new Gauge(() => this.isRunning ? null : {
      text: this.area.value, model: this.model, files: this.files, conversationId: Number(this.#draft) || undefined,
    });
    this.picker = h('button', { type: 'button', class: 'picker', 'aria-haspopup': 'dialog', onclick: () =>
      chooseModel(this.picker, this.model, (name) => { this.setModel(name); this.area.focus(); this.#keep(); }) });
    this.button = h('button', { type: 'submit', class: 'send' });
    const pick = h('input', { type: 'file', multiple: true, hidden: true, onchange: () => { this.add([...(pick.files ?? [])]); pick.value = ''; } });
    this.element = h('form', { class: 'composer', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.#submit(); } },
      this.fault, this.list, this.area,
      h('div', { class: 'row' },
        iconButton('attach', text.composer.attach, () => pick.click()), pick,
        this.picker, h('span', { class: 'space' }), this.button));
    this.setRunning(false);
  }

  /**
   * Goes on with the draft of a chat.
   * @param {string} name
   * @param {string | null} model that the chat used last
   */
  async open(name, model) {
    this.#flush();
    this.#draft = name;
    const draft = kept(`draft:${name}`, { text: '', model: '' });
    this.area.value = draft.text;
    this.setModel(preferred(draft.model || model));
    this.fail('');
    this.files = [];
    this.#drawFiles();
    this.#fit();
    const files = await keptFiles(`files:${name}`);
    if (this.#draft === name && files.length > 0 && this.files.length === 0) {
      this.files = files;
      this.#drawFiles();
      this.#changed();
    }
  }

  /**
   * The question is on its way to a chat; what is kept stays until it has arrived.
   */
  clear() {
    this.area.value = '';
    this.files = [];
    this.fail('');
    this.#drawFiles();
    this.#fit();
  }

  /** The question has arrived. */
  forget(name = this.#draft) {
    if (name === this.#draft) {
      clearTimeout(this.#keeping);
      this.#keeping = 0;
    }
    const isEmpty = this.area.value === '' && this.files.length === 0;
    if (name !== this.#draft || isEmpty) {
      keep(`draft:${name}`, undefined);
      keepFiles(`files:${name}`, []);
    } else {
      this.#keep();
    }
  }

  /** Whether something was written, added or chosen here and not sent. */
  get hasDraft() {
    return this.area.value !== '' || this.files.length > 0 || kept(`draft:${this.#draft}`, null) !== null;
  }

  get draftName() {
    return this.#draft;
  }

  /** The chat has a number now. @param {string} name */
  rename(name) {
    this.#draft = name;
    this.gauge.changed();
  }

  /**
   * What was not sent comes back, before what was written since.
   * @param {string} question
   * @param {File[]} files
   * @param {string} reason
   */
  giveBack(question, files, reason) {
    this.area.value = [question, this.area.value].filter(Boolean).join('\n\n');
    this.files = [...files, ...this.files];
    this.#drawFiles();
    this.#changed();
    this.fail(reason);
    // Where the refusal names a file, that one is marked.
    this.files.forEach((file, index) => this.list.children[index].classList.toggle('failed', reason.includes(file.name)));
    this.area.focus();
  }

  /** @param {string} reason */
  fail(reason) {
    this.fault.hidden = reason === '';
    fill(this.fault, reason !== '' && icon('warning'), reason);
  }

  /** @param {string} name */
  setModel(name) {
    this.model = name;
    fill(this.picker, h('span', null, modelName(name)), icon('down'));
    this.picker.setAttribute('aria-label', `${text.models.choose}: ${modelName(name)}`);
    this.gauge.forget();
  }

  /** @param {boolean} isRunning */
  setRunning(isRunning) {
    this.isRunning = isRunning;
    this.button.setAttribute('aria-label', isRunning ? text.composer.stop : text.composer.send);
    this.button.title = isRunning ? text.composer.stop : text.composer.send;
    this.button.classList.toggle('stop', isRunning);
    fill(this.button, icon(isRunning ? 'stop' : 'send'));
    this.#enable();
    if (isRunning) this.gauge.rest();
    else this.gauge.changed();
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) {
      const total = this.files.reduce((sum, other) => sum + other.size, file.size);
      if (total > MAX_BYTES) notify(text.composer.tooLarge(file.name), { kind: 'error' });
      else this.files.push(file);
    }
    this.#drawFiles();
    this.#changed();
    keepFiles(`files:${this.#draft}`, this.files);
  }

  #submit() {
    if (this.isRunning) {
      this.options.onStop();
      return;
    }
    if (this.area.value.trim() === '') return;
    this.#flush();
    this.options.onSend(this.area.value, this.files, this.model);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, Enter belongs to it. Safari ends the composition before it tells the key.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey && !isTouch()) {
      event.preventDefault();
      if (!this.isRunning) this.#submit();
    } else if (event.key === 'ArrowUp' && this.area.value === '' && !this.isRunning) {
      event.preventDefault();
      this.options.onEditLast();
    }
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) {
      event.preventDefault();
      this.add(files);
      return;
    }
    const pasted = event.clipboardData?.getData('text/plain') ?? '';
    if (pasted.length <= PASTE_CHARS) return;
    event.preventDefault();
    const file = new File([pasted], text.composer.pastedName, { type: 'text/plain' });
    this.add([file]);
    notify(text.composer.pasted, { label: text.composer.pastedInsert, act: () => {
      this.files = this.files.filter((other) => other !== file);
      keepFiles(`files:${this.#draft}`, this.files);
      this.area.setRangeText(pasted, this.area.selectionStart, this.area.selectionEnd, 'end');
      this.#drawFiles();
      this.#changed();
    } });
  }

  #drawFiles() {
    this.list.hidden = this.files.length === 0;
    fill(this.list, this.files.map((file) => h('li', null, chip(file.name, file.type, preview(file)),
      iconButton('close', text.composer.removeFile(file.name), () => {
        this.files = this.files.filter((other) => other !== file);
        keepFiles(`files:${this.#draft}`, this.files);
        this.#drawFiles();
        this.gauge.changed();
      }))));
  }

  #changed() {
    this.fail('');
    this.#fit();
    this.gauge.changed();
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#keep(), KEEP_PAUSE_MS);
  }

  #flush() {
    if (this.#keeping !== 0) this.#keep();
  }

  #keep() {
    clearTimeout(this.#keeping);
    this.#keeping = 0;
    const isEmpty = this.area.value === '' && this.files.length === 0;
    keep(`draft:${this.#draft}`, isEmpty ? undefined : { text: this.area.value, model: this.model });
  }

  /** Grows with its text, where the style sheet cannot do that alone. */
  #fit() {
    this.#enable();
    if (CSS.supports('field-sizing', 'content')) return;
    this.area.style.height = 'auto';
    this.area.style.height = `${this.area.scrollHeight}px`;
  }

  #enable() {
    this.button.disabled = !this.isRunning && this.area.value.trim() === '';
  }
}

/** Keyboards on glass have no way to a new line but Enter. */
function isTouch() {
  return matchMedia('(hover: none) and (pointer: coarse)').matches;
}
