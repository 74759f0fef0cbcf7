// The models that can answer, and the list to choose from.

import { get } from '../lib/api.js';
import { h, icon, iconButton, fill } from '../lib/dom.js';
import { keep, kept } from '../lib/keep.js';
import { openPopover } from '../shell/overlay.js';
import { text } from '../text.js';

const BUILT_IN = 'built-in';

/** @type {string[]} */
let models = [];

/** @returns {Promise<string[]>} */
export async function loadModels() {
  models = (await get('models')).chat;
  return models;
}

export function knownModels() {
  return models;
}

/** Whether nothing but the built-in responder can answer. */
export function isBuiltInOnly() {
  return models.length === 1 && models[0] === BUILT_IN;
}

/** @param {string} name */
export function modelName(name) {
  return name === BUILT_IN ? text.models.builtIn : name;
}

/**
 * The model to begin with: the wanted one where it can answer, else the one chosen last, else the service's first.
 * @param {string | null | undefined} wanted
 */
export function preferred(wanted) {
  const last = kept('model', '');
  return [wanted, last].find((name) => name && models.includes(name)) ?? models[0] ?? '';
}

/** @returns {string[]} */
function favourites() {
  return kept('favourites', /** @type {string[]} */ ([])).filter((name) => models.includes(name));
}

/**
 * Lets a person choose.
 * @param {HTMLElement} button
 * @param {string} current
 * @param {(name: string) => void} onChosen
 */
export function chooseModel(button, current, onChosen) {
  const search = h('input', { type: 'search', placeholder: text.models.search, 'aria-label': text.models.search, autocomplete: 'off', spellcheck: 'false' });
  const list = h('div', { class: 'model-list' });
  const popover = h('div', { class: 'menu models', popover: 'auto', role: 'dialog', 'aria-label': text.models.choose },
    models.length > 6 && search, list);
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = models.filter((name) => words.every((word) => `${name} ${modelName(name)}`.toLowerCase().includes(word)));
    const liked = favourites().filter((name) => found.includes(name));
    const others = found.filter((name) => !liked.includes(name));
    fill(list,
      liked.length > 0 && h('p', { class: 'label' }, text.models.favourites), liked.map(row),
      liked.length > 0 && others.length > 0 && h('p', { class: 'label' }, text.models.all), others.map(row),
      found.length === 0 && h('p', { class: 'quiet' }, text.models.none));
  };
  const row = (/** @type {string} */ name) => {
    const isLiked = favourites().includes(name);
    const star = iconButton('star', `${text.models.favourite}: ${modelName(name)}`, () => {
      const now = favourites();
      keep('favourites', isLiked ? now.filter((other) => other !== name) : [...now, name]);
      draw();
    }, { 'aria-pressed': String(isLiked) });
    return h('div', { class: 'model-row' },
      h('button', { type: 'button', class: 'model', 'aria-current': name === current ? 'true' : undefined, onclick: () => {
        popover.hidePopover();
        keep('model', name);
        onChosen(name);
      } },
        h('span', null, modelName(name), name === BUILT_IN && h('small', null, text.models.builtInNote)),
        name === current && icon('check')),
      star);
  };
  search.addEventListener('input', draw);
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.isComposing) /** @type {HTMLElement | null} */ (list.querySelector('.model'))?.click();
  });
  draw();
  openPopover(button, popover, '.model');
}
