// What an answer did before it spoke, and in between: its reasoning and its tools, folded. While it comes they are shown
// as they come; of an answer that is read again only the outline is there, until one of them is unfolded.

import { h, icon, fill } from '../lib/dom.js';
import { seconds } from '../lib/time.js';
import { text } from '../text.js';

/** @typedef {import('./turns.js').Turn} Turn */
/** @typedef {import('../types.js').Step} Step */
/** @typedef {import('../types.js').Reasoning} Reasoning */
/** @typedef {import('../types.js').ToolCall} ToolCall */

/** A shorter time is none that anybody waited for. */
const WORTH_TELLING_MS = 100;

export class Steps {
  element = h('div', { class: 'steps' });
  /** @type {(ReasoningView | ToolView)[]} */
  #views = [];

  get isEmpty() {
    return this.#views.length === 0;
  }

  /** @param {Turn} turn while it comes */
  update(turn) {
    turn.steps.forEach((step, index) => this.#view(index, step.kind).update(step, turn.hasEnded));
  }

  /**
   * An answer that has ended.
   * @param {readonly Step[]} steps
   * @param {() => Promise<Turn['steps']>} load what they say
   */
  outline(steps, load) {
    steps.forEach((step, index) => {
      const view = this.#view(index, step.kind);
      view.outline(step);
      view.element.addEventListener('toggle', async () => {
        if (!view.element.open || view.isWhole) return;
        fill(view.body, h('p', { class: 'quiet', role: 'status' }, text.loading));
        try {
          const found = (await load()).at(index);
          if (found?.kind !== step.kind) throw new Error('an answer has other steps than it had');
          view.say(found);
        } catch (error) {
          console.warn('a step cannot be shown', error);
          fill(view.body, h('p', { class: 'fault' }, text.chat.noStep));
        }
      });
    });
  }

  /**
   * @param {number} index
   * @param {Step['kind']} kind
   */
  #view(index, kind) {
    const known = this.#views[index];
    if (known) return known;
    const view = kind === 'tool' ? new ToolView() : new ReasoningView();
    this.#views[index] = view;
    this.element.append(view.element);
    return view;
  }
}

class StepView {
  /** Whether what it says is there. */
  isWhole = false;
  label = h('span');
  time = h('span', { class: 'quiet' });

  /** @param {import('../lib/dom.js').IconName} sign */
  constructor(sign) {
    this.body = h('div', { class: 'step-body' });
    this.element = h('details', { class: 'step' }, h('summary', null, icon(sign), h('span', null, this.label, this.time), icon('down')), this.body);
  }

  /**
   * Shows what it says.
   * @param {...import('../lib/dom.js').Child} content
   */
  fill(...content) {
    this.isWhole = true;
    fill(this.body, ...content);
  }

  /** @param {number | null | undefined} ms */
  took(ms) {
    this.time.textContent = ms && ms > WORTH_TELLING_MS ? ` ${seconds(ms)}` : '';
  }
}

class ReasoningView extends StepView {
  #written = document.createTextNode('');

  constructor() {
    super('thought');
    this.body.classList.add('reasoning');
  }

  /**
   * @param {Reasoning | ToolCall} step
   * @param {boolean} hasEnded
   */
  update(step, hasEnded) {
    if (step.kind !== 'reasoning') return;
    this.say(step);
    const isOver = hasEnded || step.endedAt !== undefined;
    this.element.classList.toggle('busy', !isOver);
    this.#name(isOver);
    this.took(step.endedAt && step.endedAt - step.startedAt);
  }

  /** @param {Step} step */
  outline(step) {
    this.#name(true);
    this.took(step.duration_ms);
  }

  /** @param {Reasoning | ToolCall} step */
  say(step) {
    if (step.kind !== 'reasoning') return;
    if (!this.isWhole) this.fill(this.#written);
    // It only grows.
    if (step.text.length > this.#written.length) this.#written.appendData(step.text.slice(this.#written.length));
  }

  /** @param {boolean} isOver */
  #name(isOver) {
    this.label.textContent = isOver ? text.chat.thought : text.chat.thinking;
  }
}

class ToolView extends StepView {
  #state = '';

  constructor() {
    super('tool');
  }

  /** @param {Reasoning | ToolCall} step */
  update(step) {
    if (step.kind !== 'tool' || step.state === this.#state) return;
    this.#name(step.name, step.state, step.state === 'running');
    this.took(step.endedAt && step.endedAt - step.startedAt);
    this.say(step);
  }

  /** @param {Step} step */
  outline(step) {
    this.#name(step.name ?? '', step.state ?? 'done', false);
    this.took(step.duration_ms);
  }

  /** @param {Reasoning | ToolCall} step */
  say(step) {
    if (step.kind !== 'tool') return;
    this.fill(
      h('b', null, text.chat.arguments),
      h('pre', { tabindex: '0' }, typeof step.arguments === 'string' ? step.arguments : JSON.stringify(step.arguments, null, 2)),
      step.result && h('b', null, text.chat.result),
      step.result && h('pre', { tabindex: '0' }, step.result));
  }

  /**
   * @param {string} name
   * @param {import('../types.js').ToolState} state
   * @param {boolean} isBusy
   */
  #name(name, state, isBusy) {
    this.#state = state;
    const [now, past] = text.chat.tools[name] ?? [text.chat.toolRunning(name), text.chat.toolDone(name)];
    // One that never ended broke off with its answer.
    const hasFailed = state === 'failed' || (state === 'running' && !isBusy);
    this.element.classList.toggle('busy', isBusy);
    this.element.classList.toggle('failed', hasFailed);
    this.label.textContent = `${isBusy ? now : past}${hasFailed ? `, ${text.chat.toolFailed}` : ''}`;
  }
}
