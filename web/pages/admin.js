// For administrators: people and their budgets, models and prices, who may register, what everybody used.

import { ask, call, get, page } from '../lib/api.js';
import { h, icon, fill } from '../lib/dom.js';
import { date } from '../lib/time.js';
import { explain, notify, report } from '../shell/notice.js';
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
  const rows = h('tbody');
  const more = h('button', { type: 'button', class: 'button', hidden: true }, words.loadMore);
  const load = async (/** @type {string | undefined} */ after) => {
    try {
      const found = await page('admin/users', { limit: PAGE, after });
      rows.append(...found.body.map((/** @type {AdminUser} */ user) => person(user, account)));
      more.hidden = !found.next;
      more.onclick = () => load(found.next ?? undefined);
    } catch (error) {
      rows.append(h('tr', null, h('td', { colspan: 5 }, explain(error))));
    }
  };
  load(undefined);
  return [registration, h('section', null,
    h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': words.people }, h('table', null,
      h('thead', null, h('tr', null, [words.email, words.since, words.role, words.state, words.budget].map((name) => h('th', null, name)))), rows)), more)];
}

/**
 * @param {AdminUser} user
 * @param {Account} account
 */
function person(user, account) {
  const row = h('tr');
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
      h('td', null, user.display_name && h('b', null, user.display_name, h('br')), user.email),
      h('td', { class: 'date' }, date(user.created_at)), h('td', null, role),
      h('td', null, h('span', { class: user.disabled ? 'state-word off' : 'state-word' }, user.disabled ? words.disabled : words.active), ' ',
        !isSelf && h('button', { type: 'button', class: 'button small quiet', 'aria-label': user.disabled ? words.let(user.email) : words.shut(user.email), onclick: () => change({ disabled: !user.disabled }) },
          user.disabled ? words.let('') : words.shut(''))),
      h('td', null, h('button', { type: 'button', class: 'button small', onclick: () => budget(user) }, words.setBudget)));
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
  const rows = h('tbody');
  get('admin/models').then((/** @type {AdminModel[]} */ list) => rows.append(...list.map(modelRow)), (error) => rows.append(h('tr', null, h('td', { colspan: 7 }, explain(error)))));
  return h('section', null, h('p', { class: 'quiet' }, words.perMillion),
    h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': words.models }, h('table', null,
      h('thead', null, h('tr', null, h('th', null, words.model), [words.input, words.cachedInput, words.output, words.window].map((name) => h('th', { class: 'number' }, name)), h('th', null, words.state), h('th'))), rows)));
}

/** @param {AdminModel} model */
function modelRow(model) {
  const row = h('tr');
  const draw = () => {
    const state = !model.enabled ? words.off : model.available ? words.available : words.noKey;
    fill(row, h('td', null, model.name),
      [model.input, model.cached_input, model.output].map((price) => h('td', { class: 'number' }, price ?? words.unknown)),
      h('td', { class: 'number' }, text.count(model.context_window)),
      h('td', null, h('span', { class: model.available ? 'state-word' : 'state-word off' }, state)),
      h('td', { class: 'number' }, h('button', { type: 'button', class: 'button small', 'aria-label': words.editModel(model.name), onclick: edit }, text.chat.edit)));
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
  const section = h('div', { class: 'page-body' });
  // Names of accounts beyond the first page stand as numbers.
  get('admin/users', { limit: 1000 }).then((/** @type {AdminUser[]} */ users) => {
    section.append(usageSection('admin/usage', 'user', new Map(users.map((user) => [user.id, user.email]))));
  }, report);
  return section;
}
