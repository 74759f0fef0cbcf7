// What lies over the page: dialogs, and menus that belong to a button.

import { h, icon, iconButton } from '../lib/dom.js';
import { text } from '../text.js';

/** @typedef {import('../lib/dom.js').Child} Child */
/** @typedef {import('../lib/dom.js').IconName} IconName */

/**
 * Opens a dialog; it is gone when it closes.
 * @param {string} title
 * @param {(Child | Child[])[]} content
 * @param {{ class?: string, onclose?: () => void, fixed?: boolean }} [more] `fixed`: it cannot be dismissed
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, more = {}) {
  const heading = h('h2', { id: `dialog-${dialogs += 1}` }, title);
  const dialog = h('dialog', { class: more.class, 'aria-labelledby': heading.id },
    h('header', null, heading, !more.fixed && iconButton('close', text.close, () => dialog.close())),
    ...content);
  dialog.addEventListener('close', () => {
    dialog.remove();
    more.onclose?.();
  });
  dialog.addEventListener('cancel', (event) => { if (more.fixed) event.preventDefault(); });
  dialog.addEventListener('pointerdown', (event) => { if (event.target === dialog && !more.fixed) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

let dialogs = 0;

/**
 * @typedef {object} MenuItem
 * @property {string} label
 * @property {IconName} [icon]
 * @property {() => void} act
 * @property {boolean} [danger]
 * @property {string} [heading] that stands above it
 */

/**
 * Opens a menu at a button.
 * @param {HTMLElement} button
 * @param {MenuItem[]} items
 */
export function openMenu(button, items) {
  const menu = h('div', { class: 'menu', role: 'menu', popover: 'auto' }, items.flatMap((item) => [
    item.heading && h('p', { class: 'label', role: 'presentation' }, item.heading),
    h('button', { type: 'button', role: 'menuitem', class: item.danger ? 'danger' : undefined, onclick: () => { menu.hidePopover(); item.act(); } },
      item.icon && icon(item.icon), item.label)]));
  openPopover(button, menu, '[role=menuitem]');
}

/**
 * Shows a popover at a button. Arrow keys walk through what `choices` selects.
 * @param {HTMLElement} button
 * @param {HTMLElement} popover
 * @param {string} choices
 */
export function openPopover(button, popover, choices) {
  document.body.append(popover);
  popover.showPopover();
  place(popover, button);
  button.setAttribute('aria-expanded', 'true');
  popover.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'closed') return;
    button.setAttribute('aria-expanded', 'false');
    // The focus goes back, unless it has gone on to something else.
    if (document.activeElement === document.body || popover.contains(document.activeElement)) button.focus();
    popover.remove();
  });
  popover.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      // In a field for searching, the browser would only empty it.
      event.preventDefault();
      event.stopPropagation();
      popover.hidePopover();
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    const all = /** @type {HTMLElement[]} */ ([...popover.querySelectorAll(choices)]);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = event.key === 'ArrowDown' ? at + 1 : at < 0 ? all.length - 1 : at - 1;
    all[(next + all.length) % all.length]?.focus();
  });
  // A field that is focused brings up a keyboard on glass, over the very list.
  const isTouch = matchMedia('(hover: none) and (pointer: coarse)').matches;
  const first = /** @type {HTMLElement | null} */ (popover.querySelector(isTouch ? choices : `input, ${choices}`));
  first?.focus();
}

const MARGIN = 8;

/**
 * Puts a popover below or above its button, inside the window.
 * @param {HTMLElement} popover
 * @param {HTMLElement} button
 */
function place(popover, button) {
  const at = button.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const below = at.bottom + 4 + height <= innerHeight - MARGIN || at.top < innerHeight / 2;
  popover.style.left = `${Math.max(MARGIN, Math.min(at.left, innerWidth - width - MARGIN))}px`;
  if (below) popover.style.top = `${at.bottom + 4}px`;
  else popover.style.bottom = `${innerHeight - at.top + 4}px`;
  popover.style.maxHeight = `${(below ? innerHeight - at.bottom : at.top) - 2 * MARGIN}px`;
}

/**
 * A field with its label.
 * @param {string} label
 * @param {HTMLElement} input
 * @param {string} [hint]
 */
export function field(label, input, hint) {
  input.id ||= `field-${fields += 1}`;
  const about = hint && h('small', { id: `${input.id}-hint` }, hint);
  if (about) input.setAttribute('aria-describedby', about.id);
  return h('div', { class: 'field' }, h('label', { for: input.id }, label), input, about);
}

let fields = 0;
