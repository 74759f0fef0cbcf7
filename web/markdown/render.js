// Markdown as elements. Tokens become elements one by one and text stays text, so that nothing a model or a document
// says can become a script, a form or a request to elsewhere; HTML inside is shown as it is written.

import { Marked } from '../vendor/marked.js';
import { h, iconButton } from '../lib/dom.js';
import { text } from '../text.js';
import { highlight } from './highlight.js';
import { mathExtensions, mathElement } from './math.js';

/** @typedef {import('../vendor/marked.js').Token} Token */

const marked = new Marked({ gfm: true, extensions: mathExtensions });

/** Nothing that anyone means is nested deeper. */
const MAX_DEPTH = 60;

/**
 * @param {string} source
 * @returns {Token[]}
 */
export function lex(source) {
  return marked.lexer(source);
}

/**
 * @param {string} source
 * @returns {DocumentFragment}
 */
export function render(source) {
  const fragment = document.createDocumentFragment();
  for (const token of lex(source)) fragment.append(...block(token, 0, true));
  return fragment;
}

/**
 * The elements of one block.
 * @param {Token} token
 * @param {number} depth
 * @param {boolean} finished whether nothing more of it comes: code is coloured then
 * @returns {Node[]}
 */
export function block(token, depth, finished) {
  if (depth > MAX_DEPTH) return [document.createTextNode(token.raw)];
  switch (token.type) {
    case 'space':
    case 'def':
      return [];
    case 'heading':
      // The page has its own first heading; an answer's begin below it.
      return [h(/** @type {'h2'} */ (`h${Math.min(token.depth + 2, 6)}`), { class: `h${token.depth}`, dir: 'auto' }, inline(token.tokens, depth))];
    case 'paragraph':
      return [h('p', { dir: 'auto' }, inline(token.tokens, depth))];
    case 'text':
      return token.tokens ? inline(token.tokens, depth) : [document.createTextNode(decode(token.text ?? ''))];
    case 'code':
      return [codeBlock(token.text ?? '', token.lang ?? '', finished && isClosed(token))];
    case 'blockquote':
      return [h('blockquote', { dir: 'auto' }, blocks(token.tokens, depth, finished))];
    case 'list':
      return [list(token, depth, finished)];
    case 'table':
      return [table(token, depth)];
    case 'hr':
      return [h('hr')];
    case 'math':
      return [mathElement(token.text ?? '', true)];
    case 'checkbox':
      return [h('input', { type: 'checkbox', disabled: true, checked: token.checked, 'aria-label': text.checkbox })];
    case 'html':
      return [h('p', { class: 'raw', dir: 'auto' }, token.raw.trimEnd())];
    default:
      return inline([token], depth);
  }
}

/**
 * @param {Token[] | undefined} tokens
 * @param {number} depth
 * @param {boolean} finished
 */
function blocks(tokens, depth, finished) {
  return (tokens ?? []).flatMap((token) => block(token, depth + 1, finished));
}

/** @param {Token} token */
function isClosed(token) {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(token.raw)?.[1];
  return !fence || token.raw.trimEnd().slice(fence.length).endsWith(fence);
}

/**
 * @param {Token} token
 * @param {number} depth
 * @param {boolean} finished
 */
function list(token, depth, finished) {
  const start = token.ordered && token.start !== 1 ? token.start : undefined;
  return h(token.ordered ? 'ol' : 'ul', { start, dir: 'auto' }, items(token.items, depth, finished));
}

/**
 * Items of a list.
 * @param {Token[]} several
 * @param {number} depth
 * @param {boolean} finished
 */
export function items(several, depth, finished) {
  return several.map((item) => h('li', item.task ? { class: 'task' } : null, blocks(item.tokens, depth, finished)));
}

/**
 * @param {Token} token
 * @param {number} depth
 */
function table(token, depth) {
  return h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': text.table },
    h('table', { dir: 'auto' },
      h('thead', null, h('tr', null, token.header.map((/** @type {any} */ of) => cell('th', of, depth)))),
      h('tbody', null, rows(token.rows, depth))));
}

/**
 * Rows of a table.
 * @param {any[][]} several
 * @param {number} depth
 */
export function rows(several, depth) {
  return several.map((row) => h('tr', null, row.map((of) => cell('td', of, depth))));
}

/**
 * @param {'th' | 'td'} tag
 * @param {any} of
 * @param {number} depth
 */
function cell(tag, of, depth) {
  return h(tag, { class: of.align ? `align-${of.align}` : undefined }, inline(of.tokens, depth));
}

/**
 * @param {string} code
 * @param {string} info what stands behind the fence
 * @param {boolean} finished
 */
function codeBlock(code, info, finished) {
  const language = info.trim().split(/[\s{,]/)[0].toLowerCase();
  const element = h('code', null, code);
  if (finished && language) highlight(element, code, language);
  return h('figure', { class: 'code' },
    h('figcaption', null, h('span', null, language || text.plainText), copyButton(() => element.textContent ?? '')),
    h('pre', { tabindex: '0' }, element));
}

/** @param {() => string} content */
export function copyButton(content) {
  const button = iconButton('copy', text.copy, async () => {
    try {
      await navigator.clipboard.writeText(content());
    } catch {
      // Without a secure connection the clipboard is out of reach; a selection that is copied is not.
      copyBySelection(content());
    }
    button.classList.add('done');
    button.addEventListener('animationend', () => button.classList.remove('done'), { once: true });
  });
  return button;
}

/** @param {string} content */
function copyBySelection(content) {
  const area = h('textarea', { class: 'off-screen', value: content, readonly: true });
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/**
 * @param {Token[] | undefined} tokens
 * @param {number} depth
 * @returns {Node[]}
 */
export function inline(tokens, depth) {
  return (tokens ?? []).map((token) => span(token, depth + 1));
}

/**
 * @param {Token} token
 * @param {number} depth
 * @returns {Node}
 */
function span(token, depth) {
  if (depth > MAX_DEPTH) return document.createTextNode(token.raw);
  switch (token.type) {
    case 'strong':
      return h('strong', null, inline(token.tokens, depth));
    case 'em':
      return h('em', null, inline(token.tokens, depth));
    case 'del':
      return h('del', null, inline(token.tokens, depth));
    case 'codespan':
      return h('code', null, token.text);
    case 'br':
      return h('br');
    case 'link':
      return link(token.href, inline(token.tokens, depth), token.title);
    case 'image':
      return image(token);
    case 'inlineMath':
      return mathElement(token.text ?? '', false);
    case 'checkbox':
      return h('input', { type: 'checkbox', disabled: true, checked: token.checked, 'aria-label': text.checkbox });
    case 'html':
      return /^<br\s*\/?>$/i.test(token.raw) ? h('br') : document.createTextNode(token.raw);
    case 'escape':
      return document.createTextNode(token.text ?? '');
    default:
      if (token.tokens) {
        const fragment = document.createDocumentFragment();
        fragment.append(...inline(token.tokens, depth));
        return fragment;
      }
      return document.createTextNode(decode(token.text ?? token.raw));
  }
}

/**
 * @param {string} href
 * @param {Node[]} children
 * @param {string | null} [title]
 */
function link(href, children, title) {
  const target = safe(href);
  if (!target) return h('span', null, children);
  return h('a', { href: target, title, target: '_blank', rel: 'noopener noreferrer nofollow' }, children);
}

/**
 * Where a link may lead: to the web or a mailbox.
 * @param {string} href
 */
function safe(href) {
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * A picture from elsewhere would tell its server who reads this; it is a link, to be opened on purpose.
 * @param {Token} token
 */
function image(token) {
  const alt = decode(token.text ?? '');
  if (/^data:image\/(png|jpeg|gif|webp);base64,/i.test(token.href)) return h('img', { src: token.href, alt });
  return link(token.href, [document.createTextNode(text.remoteImage(alt || token.href))], token.title);
}

/** @type {Record<string, string>} */
const ENTITIES = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', reg: '®', trade: '™', hellip: '…', mdash: '—',
  ndash: '–', lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', laquo: '«', raquo: '»', times: '×', divide: '÷', deg: '°', euro: '€',
  pound: '£', yen: '¥', cent: '¢', sect: '§', para: '¶', middot: '·', bull: '•', rarr: '→', larr: '←', uarr: '↑', darr: '↓', harr: '↔',
  plusmn: '±', frac12: '½', ne: '≠', le: '≤', ge: '≥', infin: '∞', sum: '∑', radic: '√', alpha: 'α', beta: 'β', gamma: 'γ', delta: 'δ',
  pi: 'π', sigma: 'σ', omega: 'ω', mu: 'μ', lambda: 'λ', thinsp: '\u2009', ensp: '\u2002', emsp: '\u2003', shy: '\u00ad',
};

/**
 * Markdown's text may name characters as HTML does.
 * @param {string} source
 */
export function decode(source) {
  return source.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z][a-z0-9]*));/gi, (all, decimal, hex, name) => {
    if (name) return ENTITIES[name] ?? all;
    const point = decimal ? Number(decimal) : parseInt(hex, 16);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
  });
}
