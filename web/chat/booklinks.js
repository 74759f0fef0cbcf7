// Titles in an answer that lead to their book. A wrong link is worse than none: a title has to stand out from the text,
// be that of exactly one book, and the answer has to show that it means the book, by naming its author or by having got
// it from the collection.

import { booksCalled, compared } from '../lib/books.js';
import { h } from '../lib/dom.js';
import { idle } from '../lib/idle.js';

/** @typedef {import('../types.js').ToolCall} ToolCall */

/** What stands out: a title is never sought in running text. */
const STANDING_OUT = 'strong, em, td, h3, h4, h5, h6';
const LONGEST_TITLE = 200;
/** An answer that makes more stand out is no recommendation. */
const MOST_TITLES = 200;
const PATIENCE_MS = 2_000;
const NUMBER = /^\s*\d{1,2}[.)]\s+/;
/** What may stand behind a title that stands out: a year, an author. */
const BEHIND = /\s*(?:\([^()]*\)|[,–—-]\s.*|\bby\s.*|[.:;,])\s*$/;
const QUOTED = /[“"«]([^“”"«»]{2,200})[”"»]/g;

/**
 * Links the titles of a finished answer, when there is time for it.
 * @param {HTMLElement} element
 * @param {string} answer its text
 * @param {() => Promise<readonly ToolCall[]>} tools what it got, asked for where only that can tell
 */
export async function linkBooks(element, answer, tools) {
  try {
    await idle(PATIENCE_MS);
    await linkNow(element, answer, tools);
  } catch (error) {
    console.warn('titles lead nowhere', error);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} answer
 * @param {() => Promise<readonly ToolCall[]>} tools
 */
async function linkNow(element, answer, tools) {
  const asked = [...candidates(element)].slice(0, MOST_TITLES).flatMap(({ text }) => spellings(text));
  if (asked.length === 0) return;
  const books = await booksCalled(asked);
  const said = ` ${compared(answer)} `;
  /** @type {Set<string> | undefined} */
  let got;
  const meant = async (/** @type {string} */ title) => {
    const key = compared(title);
    const known = books.get(key) ?? [];
    if (known.length === 0) return null;
    const named = known.filter(({ author }) => surnames(author).some((name) => said.includes(` ${name} `)));
    if (named.length > 0) return named.length === 1 ? named[0] : null;
    got ??= gotten(await tools());
    return known.length === 1 && got.has(key) ? known[0] : null;
  };
  for (const { text, wrap } of [...candidates(element)]) {
    const [whole, short] = spellings(text);
    const book = await meant(whole) ?? (short ? await meant(short) : null);
    if (book) wrap(h('a', { class: 'book-link', href: `#/books/${encodeURIComponent(book.id)}`, 'data-book': book.id }));
  }
}

/**
 * What a text may be a title as: all of it, and without what stands behind it.
 * @param {string} text
 */
function spellings(text) {
  const whole = text.replace(NUMBER, '').trim();
  const short = whole.replace(BEHIND, '');
  return short === whole || short === '' ? [whole] : [whole, short];
}

/**
 * Texts that may be titles, and how to make a link of each.
 * @param {HTMLElement} element
 * @returns {Generator<{ text: string, wrap: (link: HTMLElement) => void }>}
 */
function* candidates(element) {
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(STANDING_OUT))) {
    const text = one.textContent ?? '';
    if (text.trim() === '' || text.length > LONGEST_TITLE || one.closest('a, pre') || one.querySelector('a, code')) continue;
    yield { text, wrap: (link) => {
      if (one.querySelector('a') || one.closest('a')) return;
      link.append(...one.childNodes);
      one.append(link);
    } };
  }
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(/** @type {Text} */ (walker.currentNode));
  for (const node of nodes) {
    if (!/[“"«]/.test(node.data) || node.parentElement?.closest('a, pre, code, math')) continue;
    // From the end, so that what is cut off does not move what is still to be cut.
    for (const match of [...node.data.matchAll(QUOTED)].reverse()) {
      yield { text: match[1], wrap: (link) => {
        const title = node.splitText(match.index + 1);
        title.splitText(match[1].length);
        title.replaceWith(link);
        link.append(title);
      } };
    }
  }
}

/**
 * What an author may be called alone.
 * @param {string | null} author
 */
function surnames(author) {
  return (author ?? '').split(/,|&|;|\band\b/).map((name) => compared(name).split(' ').at(-1) ?? '').filter((name) => name.length > 2 && name !== 'anonymous' && name !== 'unknown');
}

/**
 * The titles that the collection gave to an answer.
 * @param {readonly ToolCall[]} tools
 */
function gotten(tools) {
  // A result may be cut in its middle, so it is not read as JSON.
  const results = tools.filter(({ state }) => state === 'done').map(({ result }) => result ?? '').join('\n');
  return new Set([...results.matchAll(/"title":\s*"((?:[^"\\]|\\.)*)"/g)].map(([, title]) => compared(unescaped(title))));
}

/** @param {string} title as JSON has it */
function unescaped(title) {
  try {
    return String(JSON.parse(`"${title}"`));
  } catch {
    return title;
  }
}
