// For administrators: people and their budgets, models and prices, who may register, what everybody used.

import { ask, call, get, page } from '../lib/api.js';
import { h, icon, fill } from '../lib/dom.js';
import { exact, parse } from '../lib/money.js';
import { date } from '../lib/time.js';
import { faultOf, notify, report, waiting } from '../shell/notice.js';
import { field, openDialog } from '../shell/overlay.js';
import { text } from '../text.js';
import { providersSection } from './providers.js';
import { choice, usageSection } from './usage.js';

/** @typedef {import('../types.js').Account} Account */
/** @typedef {import('../types.js').AdminUser} AdminUser */
/** @typedef {import('../types.js').AdminModel} AdminModel */

const PAGE = 100;
const words = text.admin;

/** @param {Account} account */
export function adminPage(account) {
  if (account.role !== 'admin') {
    return h('div', { class: 'page' }, h('section', { class: 'greeting empty' }, icon('users'), h('h2', null, words.notYours), h('p', null, words.notYoursLead)));
  }
  const body = h('div', { class: 'page-body' });
  /** @type {Record<string, () => Node[]>} */
  const parts = { people: () => people(account), models: () => [models()], providers: () => [providersSection()], usage: () => [everybody()] };
  const show = (/** @type {string} */ part) => fill(body, parts[part]());
  show('people');
  return h('div', { class: 'page' },
    h('div', null, choice(words.title, [{ value: 'people', label: words.people }, { value: 'models', label: words.models }, { value: 'providers', label: words.providers }, { value: 'usage', label: words.usage }], 'people', show)), body);
}

/** @param {Account} account */
function people(account) {
  const registration = h('section', { class: 'card' }, h('h2', null, words.registration));
  get('admin/settings').then((settings) => registration.append(h('div', null, choice(words.registration,
    [{ value: 'open', label: words.open }, { value: 'closed', label: words.closed }], settings.registration,
    (value) => { ask('PATCH', 'admin/settings', { json: { registration: value } }).catch(report); }))), report);
  const rows = h('tbody', { role: 'rowgroup' });
  const more = h('button', { type: 'button', class: 'button', hidden: true }, words.loadMore);
  const names = [words.email, words.since, words.role, words.state, words.budget];
  const section = h('section', null, waiting());
  const load = async (/** @type {string | undefined} */ after) => {
    try {
      const found = await page('admin/users', { limit: PAGE, after });
      rows.append(...found.body.map((/** @type {AdminUser} */ user) => person(user, account)));
      more.hidden = !found.next;
      more.onclick = () => load(found.next ?? undefined);
      if (after === undefined) fill(section, table(words.people, 'stacked', names.map((name) => h('th', { role: 'columnheader' }, name)), rows), more);
    } catch (error) {
      if (after === undefined) fill(section, faultOf(error, () => load(undefined)));
      else report(error);
    }
  };
  load(undefined);
  return [registration, section];
}

/**
 * A table that may be wider than its place. A phone stands the cells of a `stacked` one below each other, which would
 * make them no table any more: their roles say that they are.
 * @param {string} label
 * @param {'stacked' | undefined} look
 * @param {HTMLElement[]} head
 * @param {HTMLElement} rows
 */
function table(label, look, head, rows) {
  return h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', { class: look, role: 'table' }, h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head)), rows));
}

/**
 * @param {AdminUser} user
 * @param {Account} account
 */
function person(user, account) {
  const row = h('tr', { role: 'row' });
  const cell = (/** @type {string} */ label, /** @type {import('../lib/dom.js').Child[]} */ ...content) => h('td', { role: 'cell', 'data-label': label }, content);
  const change = async (/** @type {object} */ json) => {
    try {
      user = await ask('PATCH', `admin/users/${user.id}`, { json });
    } catch (error) {
      report(error);
    }
    draw();
  };
  const draw = () => {
    const isSelf = user.id === account.id;
    const role = h('select', { 'aria-label': words.roleOf(user.email), disabled: isSelf, onchange: () => change({ role: role.value }) },
      /** @type {const} */ (['user', 'admin']).map((value) => h('option', { value, selected: user.role === value }, text.settings.roles[value])));
    fill(row,
      h('td', { role: 'cell' }, h('span', null, user.display_name && h('b', null, user.display_name, h('br')), user.email)),
      cell(words.since, h('span', { class: 'date' }, date(user.created_at))), cell(words.role, role),
      cell(words.state, h('span', { class: 'row' }, h('span', { class: user.disabled ? 'state-word off' : 'state-word' }, user.disabled ? words.disabled : words.active),
        !isSelf && h('button', { type: 'button', class: 'button small quiet', 'aria-label': user.disabled ? words.let(user.email) : words.shut(user.email), onclick: () => change({ disabled: !user.disabled }) },
          user.disabled ? words.let('') : words.shut('')))),
      cell(words.budget, h('button', { type: 'button', class: 'button small', onclick: () => budget(user) }, words.setBudget)));
  };
  draw();
  return row;
}

/** @param {AdminUser} user */
function budget(user) {
  const limit = h('input', { type: 'text', inputmode: 'decimal', pattern: '\\d{0,9}(\\.\\d{0,12})?' });
  const period = h('select', null, Object.entries(words.periods).map(([value, label]) => h('option', { value, selected: value === 'month' }, label)));
  const dialog = openDialog(words.budgetOf(user.email), [h('form', { onsubmit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await call('PUT', `admin/users/${user.id}/budget`, { json: { limit: limit.value === '' ? null : limit.value, period: period.value } });
      dialog.close();
      notify(words.budgetSet(user.email));
    } catch (error) {
      report(error);
    }
  } }, field(words.limit, limit, words.limitHint), field(words.period, period), h('div', { class: 'row end' }, h('button', { type: 'submit', class: 'button primary' }, text.save)))]);
}

function models() {
  const section = h('section', null, waiting());
  const number = (/** @type {string} */ name, isWide = false) => h('th', { class: isWide ? 'number wide-only' : 'number', role: 'columnheader' }, name);
  const load = async () => {
    try {
      /** @type {AdminModel[]} */
      const list = await get('admin/models');
      fill(section, h('p', { class: 'quiet' }, words.perMillion), table(words.models, undefined,
        [h('th', { role: 'columnheader' }, words.model), number(words.input), number(words.cachedInput, true), number(words.output), number(words.window, true),
          h('th', { role: 'columnheader' }, h('span', { class: 'wide-only' }, words.state)), h('th', { role: 'columnheader' }, h('span', { class: 'off-screen' }, text.chat.edit))],
        h('tbody', { role: 'rowgroup' }, list.map(modelRow))));
    } catch (error) {
      fill(section, faultOf(error, load));
    }
  };
  load();
  return section;
}

/** A price as money is written, so that a column of them stands in line. @param {string | null} price */
function money(price) {
  return price === null ? words.unknown : exact(parse(price)).replace('$', '');
}

/** @param {AdminModel} model */
function modelRow(model) {
  const row = h('tr', { role: 'row' });
  const number = (/** @type {string} */ value, isWide = false) => h('td', { class: isWide ? 'number wide-only' : 'number', role: 'cell' }, value);
  const draw = () => {
    const state = !model.enabled ? words.off : model.available ? words.available : words.noKey;
    fill(row, h('td', { role: 'cell', class: 'name' }, model.name),
      number(money(model.input)), number(money(model.cached_input), true), number(money(model.output)), number(text.count(model.context_window), true),
      h('td', { role: 'cell' }, h('span', { class: model.available ? 'state-word' : 'state-word off', title: state }, h('span', { class: 'wide-only' }, state))),
      h('td', { class: 'number', role: 'cell' }, h('button', { type: 'button', class: 'button small', 'aria-label': words.editModel(model.name), onclick: edit }, text.chat.edit)));
  };
  const edit = () => {
    const input = (/** @type {string | number | null} */ value) => h('input', { type: 'text', inputmode: 'decimal', value: value ?? '' });
    const fields = { input: input(model.input), cached_input: input(model.cached_input), output: input(model.output), context_window: input(model.context_window) };
    const enabled = h('input', { type: 'checkbox', checked: model.enabled });
    const dialog = openDialog(words.editModel(model.name), [h('form', { onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      /** @type {Record<string, unknown>} */
      const json = {};
      for (const [name, field] of Object.entries(fields)) {
        const before = String(/** @type {any} */ (model)[name] ?? '');
        // What was not touched stays as it is.
        if (field.value.trim() === before) continue;
        json[name] = field.value.trim() === '' ? null : name === 'context_window' ? Number(field.value) : field.value.trim();
      }
      if (enabled.checked !== model.enabled) json.enabled = enabled.checked;
      try {
        model = await ask('PUT', `admin/models/${encodeURIComponent(model.name)}`, { json });
        dialog.close();
        draw();
      } catch (error) {
        report(error);
      }
    } }, h('p', { class: 'quiet' }, `${words.perMillion}. ${words.back}`), field(words.input, fields.input), field(words.cachedInput, fields.cached_input), field(words.output, fields.output), field(words.window, fields.context_window),
      h('label', { class: 'check' }, enabled, words.enabled), h('div', { class: 'row end' }, h('button', { type: 'submit', class: 'button primary' }, text.save)))]);
  };
  draw();
  return row;
}

function everybody() {
  const section = h('div', { class: 'page-body' }, waiting());
  // Names of accounts beyond the first page stand as numbers.
  get('admin/users', { limit: 1000 }).then((/** @type {AdminUser[]} */ users) => {
    fill(section, usageSection('admin/usage', 'user', new Map(users.map((user) => [user.id, user.email]))));
  }, (error) => fill(section, faultOf(error, () => section.replaceWith(everybody()))));
  return section;
}
