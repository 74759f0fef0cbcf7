// Answers that run in chats one is not looking at. A browser opens few connections at once, so they are not read but
// looked after: one question at a time, whether they have ended.

import { get } from '../lib/api.js';
import { keep, kept } from '../lib/keep.js';

const PAUSE_MS = 1_500;

export class Activity {
  /** @type {Map<number, number>} the running answer of each chat */
  #running = new Map();
  #timer = 0;

  /** @param {(chat: number, isRunning: boolean) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** Goes on with what ran when the page was left. */
  restore() {
    for (const [chat, answer] of kept('running', /** @type {[number, number][]} */ ([]))) this.add(chat, answer);
  }

  /**
   * @param {number} chat
   * @param {number} answer
   */
  add(chat, answer) {
    this.#running.set(chat, answer);
    this.onChange(chat, true);
    this.#plan();
  }

  /** It is looked at now. @param {number} chat */
  remove(chat) {
    this.#running.delete(chat);
    this.#plan();
  }

  #plan() {
    keep('running', this.#running.size > 0 ? [...this.#running] : undefined);
    clearTimeout(this.#timer);
    if (this.#running.size > 0) this.#timer = setTimeout(() => this.#look(), PAUSE_MS);
  }

  async #look() {
    for (const [chat, answer] of [...this.#running]) {
      try {
        const { messages } = await get(`conversations/${chat}/messages`, { limit: 2 });
        const message = messages.find((/** @type {{ id: number }} */ one) => one.id === answer);
        if (message?.status === 'running' || !this.#running.has(chat)) continue;
        this.#running.delete(chat);
        this.onChange(chat, false);
      } catch (error) {
        // A chat that is gone is not waited for; anything else is asked again.
        if (/** @type {any} */ (error).status === 404) this.#running.delete(chat);
      }
    }
    this.#plan();
  }
}
