// What an answer used and cost, call by call.

import { h } from '../lib/dom.js';
import { exact, parse, show } from '../lib/money.js';
import { openDialog } from '../shell/overlay.js';
import { explain } from '../shell/notice.js';
import { text } from '../text.js';
import { modelName } from './models.js';

/** @typedef {import('../types.js').Usage} Usage */

/**
 * @param {() => Promise<{ usage_details: Usage[] }>} load
 */
export async function openDetails(load) {
  const body = h('div', { class: 'details-body', 'aria-busy': 'true' }, h('p', { class: 'quiet' }, text.loading));
  openDialog(text.line.details, [body], { class: 'wide' });
  try {
    const { usage_details: rows } = await load();
    body.replaceChildren(calls(rows));
  } catch (error) {
    body.replaceChildren(h('p', { class: 'fault' }, explain(error)));
  }
  body.removeAttribute('aria-busy');
}

/** @param {Usage[]} rows */
function calls(rows) {
  const total = rows.reduce((sum, row) => sum + parse(row.price_exact), 0n);
  // A phone stands the cells below each other, which would make them no table any more: their roles say that they are.
  const number = (/** @type {number} */ value, /** @type {string} */ label) => h('td', { class: 'number', role: 'cell', 'data-label': label }, text.count(value));
  return h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': text.line.details },
    h('table', { class: 'stacked', role: 'table' },
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' },
        h('th', { role: 'columnheader' }, text.line.call), h('th', { role: 'columnheader' }, text.line.model), h('th', { class: 'number', role: 'columnheader' }, text.line.input),
        h('th', { class: 'number', role: 'columnheader' }, text.line.cached), h('th', { class: 'number', role: 'columnheader' }, text.line.output),
        h('th', { class: 'number', role: 'columnheader' }, text.line.cost), h('th', { role: 'columnheader' }, text.line.source))),
      h('tbody', { role: 'rowgroup' }, rows.map((row) => h('tr', { role: 'row' },
        h('td', { role: 'cell' }, text.scopes[row.scope] ?? row.scope), h('td', { role: 'cell' }, modelName(row.model)),
        number(row.input_tokens, text.line.input), number(row.cached_tokens, text.line.cached), number(row.output_tokens, text.line.output),
        h('td', { class: 'number', role: 'cell', 'data-label': text.line.cost }, row.price_exact === null ? '–' : show(row.price_exact)),
        h('td', { role: 'cell', 'data-label': text.line.source }, text.line.sources[row.usage_source] ?? row.usage_source)))),
      h('tfoot', { role: 'rowgroup' }, h('tr', { role: 'row' }, h('th', { role: 'rowheader', colspan: 5 }, text.line.total), h('td', { class: 'number', role: 'cell', 'data-label': text.line.cost }, exact(total)), h('td', { role: 'cell' })))));
}
