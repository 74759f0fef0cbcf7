// What was used and what it cost: by day, model and purpose, and what is left of the budget.

import { get } from '../lib/api.js';
import { h, fill } from '../lib/dom.js';
import { exact, parse, rounded, show } from '../lib/money.js';
import { full } from '../lib/time.js';
import { modelName } from '../chat/models.js';
import { faultOf, waiting } from '../shell/notice.js';
import { text } from '../text.js';
import { barPlot, legend, shares } from './charts.js';

/** @typedef {import('../types.js').UsageReport} UsageReport */
/** @typedef {import('../types.js').Budget} Budget */

const DAYS = [7, 30, 90];
const SERIES = 5;
const DAY_MS = 86_400_000;
/** The service's days are those of UTC. */
const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** @typedef {{ units: bigint, calls: number, input: number, output: number }} Amount */

/**
 * A choice of a few.
 * @template {string | number} T
 * @param {string} label
 * @param {{ value: T, label: string }[]} options
 * @param {T} current
 * @param {(value: T) => void} onChange
 */
export function choice(label, options, current, onChange) {
  const name = `choice-${choices += 1}`;
  return h('div', { class: 'choice', role: 'radiogroup', 'aria-label': label }, options.map((option) =>
    h('label', null, h('input', { type: 'radio', name, checked: option.value === current, onchange: () => onChange(option.value) }), option.label)));
}

let choices = 0;

export function usagePage() {
  return h('div', { class: 'page' }, budgetCard(), usageSection('usage', 'model'));
}

function budgetCard() {
  // Without a limit there is nothing to show.
  const card = h('section', { class: 'card', hidden: true });
  get('users/me/budget').then((/** @type {Budget} */ budget) => {
    if (budget.limit === null) {
      card.remove();
      return;
    }
    const [spent, reserved, limit] = [budget.spent, budget.reserved, budget.limit].map(parse);
    const used = limit > 0n ? Number(((spent + reserved) * 1000n) / limit) / 10 : 100;
    const bar = h('i');
    bar.style.width = `${Math.min(used, 100)}%`;
    card.hidden = false;
    fill(card, h('h2', null, text.usage.budget),
      h('div', { class: 'share budget' },
        h('span', null, text.usage.spent(exact(spent), exact(limit))),
        h('span', { class: 'quiet' }, budget.resets_at && text.usage.resets(full(budget.resets_at))),
        h('span', { class: used > 85 ? 'bar near' : 'bar' }, bar)),
      reserved > 0n && h('p', { class: 'quiet' }, text.usage.reserved(exact(reserved))));
  }, () => {
    // What is below it fails as well, and says why.
    card.remove();
  });
  return card;
}

/**
 * The report of an account, or of everybody.
 * @param {string} path
 * @param {'model' | 'user'} first what the days are parted by
 * @param {Map<number, string>} [people]
 */
export function usageSection(path, first, people = new Map()) {
  const body = h('div', { class: 'page-body' }, waiting());
  let days = 30;
  /** @type {'cost' | 'tokens'} */
  let measure = 'cost';
  /** @type {{ dated: UsageReport, scoped: UsageReport } | null} */
  let loaded = null;
  const draw = () => { if (loaded) fill(body, report(loaded.dated, loaded.scoped, days, measure, first, people)); };
  const load = async () => {
    const from = new Date(Date.now() - (days - 1) * DAY_MS).toISOString().slice(0, 10);
    body.setAttribute('aria-busy', 'true');
    try {
      const groups = first === 'user' ? ['day', 'model', 'user'] : ['day', 'model'];
      const [dated, scoped] = await Promise.all([get(path, { from, group_by: groups }), get(path, { from, group_by: ['scope'] })]);
      loaded = { dated, scoped };
      draw();
    } catch (error) {
      fill(body, faultOf(error, load));
    }
    body.removeAttribute('aria-busy');
  };
  load();
  return h('section', null,
    h('div', { class: 'page-head' },
      choice(text.usage.range, DAYS.map((value) => ({ value, label: text.usage.days(value) })), days, (value) => { days = value; load(); }),
      choice(text.usage.measure, [{ value: 'cost', label: text.usage.cost }, { value: 'tokens', label: text.usage.tokens }], measure,
        (value) => { measure = /** @type {'cost'} */ (value); draw(); })),
    body);
}

/**
 * @param {UsageReport} dated
 * @param {UsageReport} scoped
 * @param {number} days
 * @param {'cost' | 'tokens'} measure
 * @param {'model' | 'user'} first
 * @param {Map<number, string>} people
 */
function report(dated, scoped, days, measure, first, people) {
  const { total } = dated;
  const size = (/** @type {Amount} */ amount) => measure === 'cost' ? Number(amount.units) / 1e12 : amount.input + amount.output;
  const said = (/** @type {Amount} */ amount) => measure === 'cost' ? exact(amount.units) : text.count(amount.input + amount.output);
  const scale = (/** @type {number} */ value) => measure === 'cost' ? rounded(BigInt(Math.round(value * 1e12))) : text.count(Math.round(value));
  const nameOf = (/** @type {any} */ key, /** @type {'model' | 'user'} */ by) => by === 'user' ? people.get(key.user) ?? `#${key.user}` : modelName(key.model);
  const byModel = grouped(dated, (key) => nameOf(key, 'model'));
  const byFirst = grouped(dated, (key) => nameOf(key, first));
  const byScope = grouped(scoped, (key) => text.scopes[key.scope ?? ''] ?? key.scope ?? '');
  const order = (/** @type {Map<string, Amount>} */ amounts) => [...amounts].sort(([, one], [, other]) => size(other) - size(one));
  const parts = (/** @type {Map<string, Amount>} */ amounts) => order(amounts).map(([name, amount]) => ({ name, value: size(amount), said: said(amount) }));
  const names = order(byFirst).map(([name]) => name);
  const shown = names.length > SERIES + 1 ? [...names.slice(0, SERIES), text.usage.others] : names;
  const columns = Array.from({ length: days }, (_, index) => {
    const day = new Date(Date.now() - (days - 1 - index) * DAY_MS).toISOString().slice(0, 10);
    const amounts = grouped({ ...dated, groups: dated.groups.filter(({ key }) => key.day === day) }, (key) => {
      const name = nameOf(key, first);
      return shown.includes(name) ? name : text.usage.others;
    });
    const values = shown.map((name) => { const amount = amounts.get(name); return amount ? size(amount) : 0; });
    const sum = [...amounts.values()].reduce(added, nothing());
    return { day, sum, label: dayFormat.format(new Date(day)), values, said: `${day}: ${said(sum)}` };
  });
  const tile = (/** @type {string} */ label, /** @type {string} */ value, /** @type {string} */ small = '') =>
    h('div', { class: 'tile' }, h('dt', null, label), h('dd', null, value, small && h('small', null, small)));
  return [
    h('dl', { class: 'tiles' },
      tile(text.usage.cost, show(total.price_exact), total.unpriced_calls ? text.usage.unpriced(total.unpriced_calls) : ''),
      tile(text.usage.calls, text.count(total.calls)),
      tile(text.usage.input, text.count(total.input_tokens), total.cached_tokens > 0 ? `${text.usage.cached}: ${text.count(total.cached_tokens)}` : ''),
      tile(text.usage.output, text.count(total.output_tokens))),
    total.calls === 0 ? h('p', { class: 'quiet' }, text.usage.none) : [
      h('section', { class: 'card' }, h('h3', null, text.usage.byDay), barPlot(columns, scale, text.usage.byDay),
        shown.length > 1 && legend(shown),
        h('details', null, h('summary', null, text.usage.table),
          h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': text.usage.byDay }, h('table', null,
            h('thead', null, h('tr', null, h('th', null, text.usage.day), h('th', { class: 'number' }, text.usage.calls), h('th', { class: 'number' }, text.usage.tokens), h('th', { class: 'number' }, text.usage.cost))),
            h('tbody', null, columns.filter(({ sum }) => sum.calls > 0).map(({ day, sum }) => h('tr', null, h('td', null, day),
              h('td', { class: 'number' }, text.count(sum.calls)), h('td', { class: 'number' }, text.count(sum.input + sum.output)), h('td', { class: 'number' }, exact(sum.units))))))))),
      h('div', { class: 'columns' },
        first === 'user' && h('section', { class: 'card' }, h('h3', null, text.usage.byUser), shares(parts(byFirst))),
        h('section', { class: 'card' }, h('h3', null, text.usage.byModel), shares(parts(byModel))),
        h('section', { class: 'card' }, h('h3', null, text.usage.byScope), shares(parts(byScope)))),
    ],
  ].flat();
}

/** @returns {Amount} */
function nothing() {
  return { units: 0n, calls: 0, input: 0, output: 0 };
}

/**
 * @param {Amount} one
 * @param {Amount} other
 * @returns {Amount}
 */
function added(one, other) {
  return { units: one.units + other.units, calls: one.calls + other.calls, input: one.input + other.input, output: one.output + other.output };
}

/**
 * @param {UsageReport} report
 * @param {(key: UsageReport['groups'][0]['key']) => string} name
 */
function grouped(report, name) {
  /** @type {Map<string, Amount>} */
  const amounts = new Map();
  for (const { key, ...sum } of report.groups) {
    const one = { units: parse(sum.price_exact), calls: sum.calls, input: sum.input_tokens, output: sum.output_tokens };
    amounts.set(name(key), added(amounts.get(name(key)) ?? nothing(), one));
  }
  return amounts;
}
