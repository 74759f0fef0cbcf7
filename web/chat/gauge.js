// What a question would take before it is sent: how full the model's window is, what the answer may cost at the most,
// what is left of the budget. Quiet, asked for when the typing pauses, and gone where it cannot be told.

import { ask } from '../lib/api.js';
import { h, svg, fill } from '../lib/dom.js';
import { exact, parse, rounded } from '../lib/money.js';
import { openPopover } from '../shell/overlay.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').Estimate} Estimate */
/** @typedef {import('../types.js').Budget} Budget */

const PAUSE_MS = 400;
/** A longer text is told of by its size. */
const LONGEST_TEXT = 20_000;
const RADIUS = 6;
const AROUND = 2 * Math.PI * RADIUS;
const words = text.gauge;

/**
 * What would be sent.
 * @typedef {object} Planned
 * @property {string} text
 * @property {string} model
 * @property {number | undefined} conversationId
 * @property {readonly File[]} files
 */

export class Gauge {
  /** @type {Estimate | null} */
  #estimate = null;
  /** @type {Budget | null} */
  #budget = null;
  #asking = new AbortController();
  #timer = 0;

  /** @param {() => Planned | null} planned nothing while an answer is running */
  constructor(planned) {
    this.planned = planned;
    this.button = h('button', { type: 'button', class: 'gauge', 'aria-haspopup': 'dialog', onclick: () => this.#open() });
    this.warning = h('span', { class: 'warning', role: 'status' });
    this.element = h('div', { class: 'dock-line' }, this.warning, this.button);
  }

  /** Something that would be sent has changed. */
  changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  /** An answer is running: what another question would take is told when it has come. */
  rest() {
    this.#asking.abort();
    clearTimeout(this.#timer);
    this.#draw();
  }

  /** Another chat or model: what stands there is not true any more. */
  forget() {
    this.#asking.abort();
    this.#estimate = null;
    this.#draw();
    this.changed();
  }

  /** @param {Budget | null} budget */
  setBudget(budget) {
    this.#budget = budget;
    this.#draw();
  }

  async #ask() {
    this.#asking.abort();
    const planned = this.planned();
    if (!planned?.model) return;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      const estimate = await ask('POST', 'chat/estimate', { json: body(planned), signal });
      if (signal.aborted) return;
      this.#estimate = estimate;
    } catch {
      if (signal.aborted) return;
      // It is a comfort: what does not fit is refused when it is sent, with the reason.
      this.#estimate = null;
    }
    this.#draw();
  }

  #draw() {
    const estimate = this.#estimate;
    const isAsking = (this.planned()?.text ?? '').trim() !== '';
    const left = this.#budget?.remaining ?? null;
    const when = words.leftWhen[/** @type {'day'} */ (this.#budget?.period ?? 'total')];
    const worst = estimate && isAsking && estimate.worst_case !== null ? parse(estimate.worst_case) : null;
    const share = estimate ? Math.min(estimate.context.used_tokens / Math.max(estimate.context.window, 1), 1) : 0;
    const isWorthwhile = estimate !== null && (isAsking || share >= 0.01);
    this.button.hidden = !isWorthwhile && left === null;
    fill(this.button,
      isWorthwhile && [ring(share), h('span', null, words.share(percent(share)), h('span', { class: 'wide-only' }, ' ', words.ofWindow))],
      worst !== null && h('span', null, worst === 0n ? text.line.free : words.upTo(rounded(worst))),
      estimate && isAsking && estimate.worst_case === null && h('span', null, text.models.unpriced),
      left !== null && h('span', { title: exact(parse(left)) }, words.left(rounded(parse(left)), when)));
    const warning = !estimate || !isAsking ? '' : !estimate.context.fits ? words.tooLong : !estimate.fits_budget ? words.tooDear : '';
    if (this.warning.textContent !== warning) this.warning.textContent = warning;
  }

  #open() {
    const estimate = this.#estimate;
    const row = (/** @type {string} */ label, /** @type {string} */ value) => h('div', null, h('dt', null, label), h('dd', null, value));
    const rows = [];
    if (estimate) {
      const { used_tokens: used, window, will_be_summarised: isSummarised } = estimate.context;
      rows.push(row(words.context, words.tokens(used, window)));
      if (isSummarised) rows.push(row(words.older, words.summarised));
      rows.push(row(words.worst, estimate.worst_case === null ? text.models.unpriced : exact(parse(estimate.worst_case))));
    }
    if (this.#budget?.remaining) {
      rows.push(row(words.budget, words.left(exact(parse(this.#budget.remaining)), words.leftWhen[/** @type {'day'} */ (this.#budget.period)])));
    }
    const popover = h('div', { class: 'menu about', popover: 'auto', role: 'dialog', 'aria-label': words.title, tabindex: '-1' },
      h('dl', null, rows), estimate && h('p', { class: 'quiet' }, words.note));
    openPopover(this.button, popover, 'button');
    popover.focus();
  }
}

/** @param {Planned} planned */
function body({ text: question, model, conversationId, files }) {
  const attachments = files.map((file) => ({ size: file.size, content_type: file.type || undefined, filename: file.name }));
  const isLong = question.length > LONGEST_TEXT;
  if (isLong) attachments.push({ size: new Blob([question]).size, content_type: 'text/plain', filename: 'question.txt' });
  return { text: isLong ? '' : question, model, conversation_id: conversationId, attachments: attachments.length > 0 ? attachments : undefined };
}

/** @param {number} share */
function percent(share) {
  return share > 0 && share < 0.01 ? '<1' : String(Math.round(share * 100));
}

/** @param {number} share */
function ring(share) {
  const circle = (/** @type {string} */ name, /** @type {Record<string, string | number>} */ more) =>
    svg('circle', { class: name, cx: 8, cy: 8, r: RADIUS, ...more });
  return svg('svg', { class: share > 0.9 ? 'ring near' : 'ring', viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    circle('all', {}), circle('used', { 'stroke-dasharray': `${Math.max(share, 0.03) * AROUND} ${AROUND}`, transform: 'rotate(-90 8 8)' }));
}
