// What an answer did before it spoke: its reasoning and its tools, folded.

import { h, icon, fill } from '../lib/dom.js';
import { seconds } from '../lib/time.js';
import { text } from '../text.js';

/** @typedef {import('./turns.js').Turn} Turn */
/** @typedef {import('../types.js').ToolCall} ToolCall */

export class Steps {
  element = h('div', { class: 'steps' });
  /** @type {{ element: HTMLDetailsElement, label: HTMLElement, body: HTMLElement } | null} */
  #reasoning = null;
  /** @type {Map<string, { element: HTMLDetailsElement, state: string }>} */
  #tools = new Map();
  #reasoningSince = performance.now();

  /** @param {Turn} turn */
  update(turn) {
    if (turn.reasoning) this.#updateReasoning(turn);
    for (const tool of turn.tools) this.#updateTool(tool);
  }

  /** @param {Turn} turn */
  #updateReasoning(turn) {
    if (!this.#reasoning) {
      this.#reasoningSince = performance.now();
      const label = h('span', null, text.chat.thinking);
      const body = h('div', { class: 'step-body reasoning' });
      const element = h('details', { class: 'step busy' }, h('summary', null, icon('thought'), label, icon('down')), body);
      this.element.prepend(element);
      this.#reasoning = { element, label, body };
    }
    const { element, label, body } = this.#reasoning;
    if (body.textContent !== turn.reasoning) body.textContent = turn.reasoning;
    const isOver = turn.text !== '' || turn.tools.length > 0 || turn.hasEnded;
    if (!isOver || !element.classList.contains('busy')) return;
    element.classList.remove('busy');
    const took = performance.now() - this.#reasoningSince;
    // An answer that is read again comes at once and says nothing of the time.
    label.textContent = took > 50 && !Number.isNaN(turn.startedAt) ? text.chat.thoughtFor(seconds(took)) : text.chat.thought;
  }

  /** @param {ToolCall} tool */
  #updateTool(tool) {
    const known = this.#tools.get(tool.id);
    if (known?.state === tool.state) return;
    const element = known?.element ?? h('details', { class: 'step' });
    this.#tools.set(tool.id, { element, state: tool.state });
    const names = text.chat.tools[tool.name] ?? [text.chat.toolRunning(tool.name), text.chat.toolDone(tool.name)];
    const took = tool.endedAt ? tool.endedAt - tool.startedAt : 0;
    element.classList.toggle('busy', tool.state === 'running');
    element.classList.toggle('failed', tool.state === 'failed');
    fill(element,
      h('summary', null,
        icon('tool'),
        h('span', null, names[tool.state === 'running' ? 0 : 1], tool.state === 'failed' && `, ${text.chat.toolFailed}`,
          took > 50 && h('span', { class: 'quiet' }, ` ${seconds(took)}`)),
        icon('down')),
      h('div', { class: 'step-body' },
        h('b', null, text.chat.arguments),
        h('pre', { tabindex: '0' }, typeof tool.arguments === 'string' ? tool.arguments : JSON.stringify(tool.arguments, null, 2)),
        tool.result && h('b', null, text.chat.result),
        tool.result && h('pre', { tabindex: '0' }, tool.result)));
    if (!known) this.element.append(element);
  }
}
