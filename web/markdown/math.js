// Formulas, set as MathML, which browsers draw themselves. What sets them is loaded with the first formula.

import { h } from '../lib/dom.js';

/** @typedef {import('../vendor/marked.js').Extension} Extension */

const MAX_CHARS = 4_000;

/** @type {Extension[]} */
export const mathExtensions = [
  {
    name: 'math',
    level: 'block',
    start: (source) => /\$\$|\\\[/.exec(source)?.index,
    tokenizer(source) {
      const match = /^ {0,3}(?:\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/.exec(source);
      return match ? { type: 'math', raw: match[0], text: (match[1] ?? match[2]).trim() } : undefined;
    },
  },
  {
    name: 'inlineMath',
    level: 'inline',
    start: (source) => /\$|\\\(/.exec(source)?.index,
    tokenizer(source) {
      // A dollar sign before a blank or with a digit behind the pair is money, not mathematics.
      const match = /^(?:\\\(([\s\S]+?)\\\)|\$\$([^$\n]+?)\$\$|\$(?![\s$])([^$\n]*?[^\s\\$])\$(?![\d$]))/.exec(source);
      return match ? { type: 'inlineMath', raw: match[0], text: match[1] ?? match[2] ?? match[3] } : undefined;
    },
  },
];

/**
 * A formula, as its source until it is set.
 * @param {string} source
 * @param {boolean} display
 */
export function mathElement(source, display) {
  const element = h(display ? 'div' : 'span', { class: display ? 'math math-block' : 'math' }, source);
  if (source.length <= MAX_CHARS) set(element, source, display);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} source
 * @param {boolean} display
 */
async function set(element, source, display) {
  try {
    const { default: temml } = await import('../vendor/temml.js');
    temml.render(source, element, { displayMode: display, throwOnError: true, maxExpand: 200, maxSize: [50, 50] });
  } catch (error) {
    element.replaceChildren(h('code', null, source));
    console.warn('a formula stays as it is written', error);
  }
}
