// Markdown that is still being written. Blocks that have ended stay as they are; only the last one is drawn again, once
// a frame and more rarely when it is slow.

import { h } from '../lib/dom.js';
import { block, inline, items, lex, rows } from './render.js';

/** @typedef {import('../vendor/marked.js').Token} Token */

/** A drawing may take this part of the time. */
const SHARE = 4;
/** Longer pieces of code are laid out anew as a whole when something is added to them. */
const CODE_PIECE = 2_000;
const FENCE = /`{3}|~{3}/;

export class MarkdownStream {
  /** What stands in finished blocks, in characters. */
  #settled = 0;
  /** @type {string[]} */
  #blocks = [];
  #source = '';
  /** @type {Node[]} */
  #last = [];
  /** What is drawn there. @type {Token | null} */
  #drawn = null;
  #scheduled = 0;
  #earliest = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
  }

  /** @param {string} source the whole text so far */
  update(source) {
    source = plain(source);
    if (!source.startsWith(this.#source.slice(0, this.#settled))) this.#reset();
    this.#source = source;
    if (this.#scheduled === 0) this.#scheduled = requestAnimationFrame(this.#frame);
  }

  /**
   * The text is complete: what stands there is what any later reading of it would show.
   * @param {string} source
   */
  finish(source) {
    cancelAnimationFrame(this.#scheduled);
    this.#scheduled = 0;
    this.#source = plain(source);
    const tokens = lex(this.#source);
    const fits = this.#blocks.every((raw, index) => tokens[index]?.raw === raw) && !tokens.some((token) => token.type === 'def');
    if (!fits) this.#reset();
    const rest = tokens.slice(this.#blocks.length);
    this.#draw(rest, rest.length);
  }

  /** @param {Token[]} tokens */
  #settle(tokens) {
    for (const { raw } of tokens) {
      this.#blocks.push(raw);
      this.#settled += raw.length;
    }
  }

  #reset() {
    this.#settled = 0;
    this.#blocks = [];
    this.#last = [];
    this.#drawn = null;
    this.element.replaceChildren();
  }

  #frame = () => {
    const begun = performance.now();
    if (begun < this.#earliest) {
      this.#scheduled = requestAnimationFrame(this.#frame);
      return;
    }
    this.#scheduled = 0;
    const tokens = lex(this.#source.slice(this.#settled));
    // A block is finished when another one has begun. Blank lines are none.
    let open = tokens.length - 1;
    while (open > 0 && tokens[open].type === 'space') open -= 1;
    if (open !== 0 || !this.#extend(tokens[open])) this.#draw(tokens, open);
    // Laying it out is a part of the work.
    this.element.getBoundingClientRect();
    this.#earliest = performance.now() + (performance.now() - begun) * SHARE;
  };

  /**
   * Draws what is not settled, and settles what stands before the open block.
   * @param {Token[]} tokens
   * @param {number} open
   */
  #draw(tokens, open) {
    const [first] = tokens;
    // A block that has ended stays as it is drawn; only code is drawn otherwise then.
    const stays = open > 0 && first !== undefined && first.type !== 'code' && !FENCE.test(first.raw) && this.#extend(first);
    if (stays) this.#settle([first]);
    else for (const node of this.#last) /** @type {ChildNode} */ (node).remove();
    this.#last = [];
    this.#drawn = null;
    const ended = tokens.slice(stays ? 1 : 0, Math.max(open, 0));
    for (const token of ended) this.element.append(...block(token, 0, true));
    this.#settle(ended);
    if (!tokens[open]) return;
    this.#last = block(tokens[open], 0, false);
    this.#drawn = tokens[open];
    this.element.append(...this.#last);
  }

  /**
   * What is long grows at its end, without being drawn again.
   * @param {Token | undefined} token the last block as it is now
   */
  #extend(token) {
    const [last, ...others] = this.#last;
    if (!token || token.type !== this.#drawn?.type || others.length > 0 || !(last instanceof HTMLElement)) return false;
    const isExtended = token.type === 'code' ? this.#extendCode(last, token, this.#drawn)
      : token.type === 'paragraph' ? this.#extendParagraph(last, token, this.#drawn)
      : token.type === 'table' ? this.#extendTable(last, token, this.#drawn)
      : token.type === 'list' && this.#extendList(last, token, this.#drawn);
    if (isExtended) this.#drawn = token;
    return isExtended;
  }

  /**
   * @param {HTMLElement} wrapper
   * @param {Token} token
   * @param {Token} drawn
   */
  #extendTable(wrapper, token, drawn) {
    const body = wrapper.querySelector('tbody');
    // All rows but the last have ended.
    const ended = drawn.raw.lastIndexOf('\n', drawn.raw.length - 2) + 1;
    const kept = drawn.rows.length - 1;
    if (!body || kept < 1 || !token.raw.startsWith(drawn.raw.slice(0, ended))) return false;
    body.lastElementChild?.remove();
    body.append(...rows(token.rows.slice(kept), 0));
    return true;
  }

  /**
   * @param {HTMLElement} list
   * @param {Token} token
   * @param {Token} drawn
   */
  #extendList(list, token, drawn) {
    if (token.ordered !== drawn.ordered || token.start !== drawn.start) return false;
    // A list that becomes loose is another one.
    const kept = drawn.items.findIndex((/** @type {Token} */ item, /** @type {number} */ index) =>
      item.raw !== token.items[index]?.raw || item.loose !== token.items[index]?.loose);
    if (kept < 0) list.append(...items(token.items.slice(drawn.items.length), 0, false));
    if (kept < 1) return kept < 0;
    while (list.children.length > kept) list.lastElementChild?.remove();
    list.append(...items(token.items.slice(kept), 0, false));
    return true;
  }

  /**
   * @param {HTMLElement} paragraph
   * @param {Token} token
   * @param {Token} drawn
   */
  #extendParagraph(paragraph, token, drawn) {
    const parts = token.tokens ?? [];
    const before = drawn.tokens ?? [];
    // Each part is one node; the last one may still become another.
    if (paragraph.childNodes.length !== before.length) return false;
    const changed = before.findIndex((part, index) => part.raw !== parts[index]?.raw || part.type !== parts[index].type);
    const kept = Math.min(changed < 0 ? before.length : changed, before.length - 1);
    if (kept < 1) return false;
    while (paragraph.childNodes.length > kept) paragraph.lastChild?.remove();
    paragraph.append(...inline(parts.slice(kept), 0));
    return true;
  }

  /**
   * @param {HTMLElement} figure
   * @param {Token} token
   * @param {Token} drawn
   */
  #extendCode(figure, token, drawn) {
    const element = figure.querySelector('code');
    const [code, before] = [token.text ?? '', drawn.text ?? ''];
    if (!element || token.lang !== drawn.lang || !code.startsWith(before)) return false;
    const more = code.slice(before.length);
    const last = element.lastChild instanceof HTMLElement ? element.lastChild.firstChild : element.lastChild;
    // A new piece begins with a line.
    if (last instanceof Text && (last.length < CODE_PIECE || !before.endsWith('\n'))) {
      const end = last.length < CODE_PIECE ? more.length : more.indexOf('\n') + 1 || more.length;
      last.appendData(more.slice(0, end));
      if (end < more.length) element.append(h('span', { class: 'piece' }, more.slice(end)));
    } else {
      element.append(h('span', { class: 'piece' }, more));
    }
    return true;
  }
}

/**
 * Lines end in one way, so that lengths count the same everywhere.
 * @param {string} source
 */
function plain(source) {
  return source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source;
}
