// Plots of amounts, as plain SVG. Each also stands in a table, so nothing hangs on seeing it.

import { h, svg } from '../lib/dom.js';

/** @typedef {{ label: string, values: number[], said: string }} Column one bar: a value for each series */

const MOST_WIDTH = 720;
const LEAST_WIDTH = 280;
/** What stands beside a plot on a narrow screen. */
const AROUND = 66;
/** A label with the space it needs. */
const LABEL = 84;
const HEIGHT = 200;
const LEFT = 52;
const BOTTOM = 22;
/** Lines above the lowest. */
const MOST_LINES = 4;

/**
 * Bars of stacked values, one for each day.
 * @param {Column[]} columns
 * @param {(value: number) => string} format of the scale
 * @param {string} title
 */
export function barPlot(columns, format, title) {
  const most = Math.max(...columns.map(({ values }) => values.reduce((sum, value) => sum + value, 0)), 0);
  const between = niceStep(most);
  const lines = between > 0 ? Math.ceil(most / between) : 0;
  const top = between * lines;
  // As wide as it will stand there, since its text would shrink with it.
  const full = Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, innerWidth - AROUND));
  const inner = HEIGHT - BOTTOM - 8;
  const y = (/** @type {number} */ value) => 8 + inner - (top > 0 ? (value / top) * inner : 0);
  const step = (full - LEFT) / Math.max(columns.length, 1);
  const width = Math.max(2, Math.min(28, step * 0.68));
  const plot = svg('svg', { class: 'plot', viewBox: `0 0 ${full} ${HEIGHT}`, role: 'img', 'aria-label': title });
  for (let line = 0; line <= lines; line += 1) {
    const at = y(between * line);
    plot.append(svg('line', { x1: LEFT, x2: full, y1: at, y2: at }),
      svg('text', { x: LEFT - 8, y: at + 4, 'text-anchor': 'end' }, format(between * line)));
  }
  const every = Math.ceil(columns.length / Math.floor((full - LEFT) / LABEL));
  columns.forEach(({ label, values, said }, index) => {
    const x = LEFT + index * step + (step - width) / 2;
    const area = svg('rect', { class: 'hit-area', x: LEFT + index * step, y: 8, width: step, height: inner });
    area.append(svg('title', {}, said));
    plot.append(area);
    let below = 0;
    values.forEach((value, series) => {
      if (value <= 0) return;
      const height = Math.max(y(below) - y(below + value), 1);
      const bar = svg('rect', { class: `series-${Math.min(series, 5)}`, x, y: y(below) - height, width, height, rx: Math.min(2, width / 4), 'pointer-events': 'none' });
      plot.append(bar);
      below += value;
    });
    if (index % every === 0) plot.append(svg('text', { x: x + width / 2, y: HEIGHT - 5, 'text-anchor': 'middle' }, label));
  });
  return plot;
}

/**
 * The names of series, with their colours.
 * @param {string[]} names
 */
export function legend(names) {
  return h('ul', { class: 'legend' }, names.map((name, index) => h('li', null, h('i', { class: `series-${Math.min(index, 5)}` }), name)));
}

/**
 * Amounts beside each other, the largest first.
 * @param {{ name: string, value: number, said: string }[]} parts
 */
export function shares(parts) {
  const most = Math.max(...parts.map(({ value }) => value), 0);
  return h('ul', { class: 'shares' }, parts.map(({ name, value, said }) => {
    const bar = h('i');
    bar.style.width = `${most > 0 ? Math.max((value / most) * 100, value > 0 ? 1 : 0) : 0}%`;
    return h('li', { class: 'share' }, h('span', null, name), h('span', { class: 'number' }, said), h('span', { class: 'bar' }, bar));
  }));
}

/**
 * A round number between the lines of a scale that reaches a value in a few of them.
 * @param {number} most
 */
function niceStep(most) {
  if (most <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(most));
  return [0.2, 0.25, 0.5, 1, 2].map((factor) => factor * power).find((step) => most / step <= MOST_LINES) ?? most;
}
