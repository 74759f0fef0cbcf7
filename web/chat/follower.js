// Keeps the end of a chat in sight while it grows, but only for who is there: whoever scrolls up is left in peace.

import { h, icon } from '../lib/dom.js';
import { text } from '../text.js';

/** Nearer than this is at the end. */
const NEAR_PX = 60;

export class Follower {
  #follows = true;
  #top = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content
   */
  constructor(scroller, content) {
    this.scroller = scroller;
    this.button = h('button', { type: 'button', class: 'to-latest', hidden: true, onclick: () => this.toEnd(true) }, icon('latest'), h('span', null, text.chat.toLatest));
    scroller.addEventListener('scroll', this.#scrolled, { passive: true });
    this.observer = new ResizeObserver(() => this.#grown());
    this.observer.observe(content);
    this.observer.observe(scroller);
  }

  /** @param {boolean} [smoothly] */
  toEnd(smoothly = false) {
    this.#follows = true;
    this.button.hidden = true;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smoothly && !calm ? 'smooth' : 'instant' });
  }

  /** Stays where it is. */
  release() {
    this.#follows = false;
  }

  end() {
    this.observer.disconnect();
  }

  #distance() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
  }

  #scrolled = () => {
    const { scrollTop } = this.scroller;
    if (this.#distance() < NEAR_PX) this.#follows = true;
    else if (scrollTop < this.#top - 2) this.#follows = false;
    this.#top = scrollTop;
    this.button.hidden = this.#follows || this.#distance() < NEAR_PX;
  };

  #grown() {
    if (this.#follows) this.scroller.scrollTop = this.scroller.scrollHeight;
    else this.button.hidden = this.#distance() < NEAR_PX;
    this.#top = this.scroller.scrollTop;
  }
}
