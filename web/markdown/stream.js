// Markdown that is still being written. Blocks that have ended stay as they are; only the last one is drawn again, once
// a frame and more rarely when it is slow.

import { block, lex } from './render.js';

/** A drawing may take this part of the time. */
const SHARE = 4;

export class MarkdownStream {
  /** What stands in finished blocks, in characters. */
  #settled = 0;
  /** @type {string[]} */
  #blocks = [];
  #source = '';
  /** @type {Node[]} */
  #last = [];
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
    this.#draw(tokens.slice(this.#blocks.length), tokens.length);
  }

  #reset() {
    this.#settled = 0;
    this.#blocks = [];
    this.#last = [];
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
    if (open !== 0 || !this.#extendCode(tokens[open])) this.#draw(tokens, open);
    this.#earliest = performance.now() + (performance.now() - begun) * SHARE;
  };

  /**
   * Draws what is not settled, and settles what stands before the open block.
   * @param {import('../vendor/marked.js').Token[]} tokens
   * @param {number} open
   */
  #draw(tokens, open) {
    for (const node of this.#last) /** @type {ChildNode} */ (node).remove();
    this.#last = [];
    for (const token of tokens.slice(0, Math.max(open, 0))) {
      this.element.append(...block(token, 0, true));
      this.#blocks.push(token.raw);
      this.#settled += token.raw.length;
    }
    if (!tokens[open]) return;
    this.#last = block(tokens[open], 0, false);
    this.element.append(...this.#last);
  }

  /**
   * Long code grows at its end, without being drawn again.
   * @param {import('../vendor/marked.js').Token | undefined} token
   */
  #extendCode(token) {
    const figure = this.#last.length === 1 ? this.#last[0] : null;
    if (token?.type !== 'code' || !(figure instanceof HTMLElement) || !figure.matches('figure.code')) return false;
    const written = figure.querySelector('code')?.firstChild;
    const language = figure.querySelector('figcaption span')?.textContent;
    if (!(written instanceof Text) || language !== (token.lang ?? '').trim().split(/[\s{,]/)[0].toLowerCase()) return false;
    const code = token.text ?? '';
    if (!code.startsWith(written.data)) return false;
    written.appendData(code.slice(written.length));
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
