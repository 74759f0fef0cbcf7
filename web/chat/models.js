// The models that can answer, what they cost and are able to do, and the list to choose from.

import { get } from '../lib/api.js';
import { h, icon, iconButton, fill } from '../lib/dom.js';
import { keep, kept } from '../lib/keep.js';
import { show } from '../lib/money.js';
import { day } from '../lib/time.js';
import { openPopover } from '../shell/overlay.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').ModelDetails} ModelDetails */

/** Fewer are seen at a glance. */
const WORTH_SEARCHING = 6;

/** @type {ModelDetails[]} */
let models = [];

export async function loadModels() {
  models = await get('models/details');
}

/** Their names, in the service's order. */
export function knownModels() {
  return models.map(({ name }) => name);
}

/** Whether nothing but the built-in responder can answer. */
export function isBuiltInOnly() {
  return models.length === 1 && models[0].built_in;
}

/** @param {string} name */
export function modelName(name) {
  return name === 'built-in' ? text.models.builtIn : name;
}

/**
 * The model to begin with: the wanted one where it can answer, else the one chosen last, else the service's own choice.
 * @param {string | null | undefined} wanted
 */
export function preferred(wanted) {
  const known = knownModels();
  const last = kept('model', '');
  return [wanted, last].find((name) => name && known.includes(name)) ?? (models.find((model) => model.is_default) ?? models[0])?.name ?? '';
}

/** @returns {string[]} */
function favourites() {
  return kept('favourites', /** @type {string[]} */ ([]));
}

/**
 * What a person wants to know of a model before choosing it.
 * @param {ModelDetails} model
 */
function facts(model) {
  if (model.built_in) return [text.models.builtInNote];
  const { price } = model;
  const isFree = price && [price.input, price.output].every((amount) => Number(amount) === 0);
  return [
    !price ? text.models.unpriced : isFree ? text.line.free : text.models.price(show(price.input), show(price.output)),
    text.models.window(model.context_window),
    ...text.models.abilities.filter(([name]) => model.abilities[name]).map(([, said]) => said),
  ];
}

/**
 * Until when a model is there: worth a warning once that is over.
 * @param {string} until
 */
function ending(until) {
  const isOver = new Date(`${until}T00:00`) <= new Date();
  return h('small', { class: isOver ? 'warning' : undefined }, (isOver ? text.models.withdrawn : text.models.deprecated)(day(until)));
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
    models.length > WORTH_SEARCHING && search, list,
    models.some(({ price }) => price) && h('p', { class: 'quiet note' }, text.models.perMillion));
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const said = (/** @type {ModelDetails} */ model) =>
      [model.name, modelName(model.name), model.provider, ...model.aliases, ...facts(model)].join(' ').toLowerCase();
    const found = models.filter((model) => words.every((word) => said(model).includes(word)));
    const liked = favourites();
    const groups = Map.groupBy(found, (model) => liked.includes(model.name) ? text.models.favourites : model.provider ?? text.models.here);
    const first = groups.get(text.models.favourites);
    const parts = [...(first ? [/** @type {const} */ ([text.models.favourites, first])] : []), ...[...groups].filter(([name]) => name !== text.models.favourites)];
    fill(list,
      parts.flatMap(([label, several]) => [parts.length > 1 && h('p', { class: 'label' }, label), ...several.map(row)]),
      found.length === 0 && h('p', { class: 'quiet' }, text.models.none));
  };
  const row = (/** @type {ModelDetails} */ model) => {
    const { name } = model;
    const isLiked = favourites().includes(name);
    const star = iconButton('star', `${text.models.favourite}: ${modelName(name)}`, () => {
      const now = favourites();
      keep('favourites', isLiked ? now.filter((other) => other !== name) : [...now, name]);
      draw();
      // The row has moved to another group; who used the keyboard stays with it.
      /** @type {HTMLElement | null} */ (list.querySelector(`[data-model="${CSS.escape(name)}"] .icon-button`))?.focus();
    }, { 'aria-pressed': String(isLiked) });
    return h('div', { class: 'model-row', 'data-model': name },
      h('button', { type: 'button', class: 'model', 'aria-current': name === current ? 'true' : undefined, onclick: () => {
        popover.hidePopover();
        keep('model', name);
        onChosen(name);
      } },
        h('span', null, h('span', { class: 'model-name' }, modelName(name)), h('small', null, facts(model).map((fact) => fact.replaceAll(' ', '\u00a0')).join('\u00a0· ')),
          model.deprecated && ending(model.deprecated)),
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
