// The keyboard: what works everywhere on the page, and the sheet that says so.

import { h } from '../lib/dom.js';
import { text } from '../text.js';
import { openDialog } from './overlay.js';

/**
 * @typedef {object} Acts
 * @property {() => void} search
 * @property {() => void} newChat
 * @property {() => void} side
 * @property {() => void} question
 * @property {() => void} shortcuts
 * @property {(step: 1 | -1) => void} neighbour
 * @property {() => void} escape
 */

/** @param {Acts} acts */
export function listenForKeys(acts) {
  addEventListener('keydown', (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const isOver = document.querySelector('dialog[open]') !== null;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.matches?.('input, textarea, select, [contenteditable]');
    /** @type {(() => void) | null} */
    let act = null;
    if (command && !event.shiftKey && !event.altKey && key === 'k') act = acts.search;
    else if (isOver) return;
    else if (command && event.shiftKey && key === 'o') act = acts.newChat;
    else if (command && !event.shiftKey && !event.altKey && key === 'b') act = acts.side;
    else if (event.altKey && !command && key === 'arrowup') act = () => acts.neighbour(-1);
    else if (event.altKey && !command && key === 'arrowdown') act = () => acts.neighbour(1);
    else if (key === 'escape' && !document.querySelector('[popover]:popover-open')) act = acts.escape;
    else if (!isTyping && !command && !event.altKey && key === '/') act = acts.question;
    else if (!isTyping && !command && !event.altKey && key === '?') act = acts.shortcuts;
    if (!act) return;
    event.preventDefault();
    act();
  });
}

export function openShortcuts() {
  const rows = /** @type {[string[], string][]} */ (text.keys.list);
  openDialog(text.keys.title, [h('dl', { class: 'shortcuts' }, rows.map(([keys, does]) => h('div', null,
    h('dt', null, keys.map((key) => h('kbd', null, key))), h('dd', null, does))))]);
}
