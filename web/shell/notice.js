// What the page says beside what one is doing: short notices at its edge, and sentences for screen readers.

import { h, icon } from '../lib/dom.js';
import { ApiError } from '../lib/api.js';
import { text } from '../text.js';

const stack = h('div', { class: 'notices', role: 'region', 'aria-label': text.notices });
const live = h('div', { class: 'off-screen', 'aria-live': 'polite', role: 'status' });

const SHOWN_MS = 6_000;

export function mountNotices() {
  document.body.append(stack, live);
}

/**
 * Tells a screen reader, once.
 * @param {string} sentence
 */
export function say(sentence) {
  live.textContent = '';
  requestAnimationFrame(() => { live.textContent = sentence; });
}

/**
 * A notice that goes by itself; `onGone` is called unless its action was taken.
 * @param {string} sentence
 * @param {{ label?: string, act?: () => void, onGone?: () => void, kind?: 'error' }} [more]
 */
export function notify(sentence, more = {}) {
  const notice = h('div', { class: `notice ${more.kind ?? ''}` }, h('span', null, sentence));
  let isGone = false;
  const go = (/** @type {boolean} */ acted) => {
    if (isGone) return;
    isGone = true;
    clearTimeout(timer);
    notice.remove();
    if (!acted) more.onGone?.();
  };
  let timer = setTimeout(() => go(false), SHOWN_MS);
  // While it is read or reached for, it stays.
  notice.addEventListener('pointerenter', () => clearTimeout(timer));
  notice.addEventListener('pointerleave', () => { timer = setTimeout(() => go(false), SHOWN_MS / 2); });
  if (more.act) {
    notice.append(h('button', { type: 'button', class: 'link', onclick: () => { more.act?.(); go(true); } }, more.label));
  }
  // There is never a pile of them.
  while (stack.childElementCount >= 3) stack.firstElementChild?.remove();
  stack.append(notice);
  say(sentence);
  return () => go(false);
}

/**
 * What a failure says to a person.
 * @param {unknown} error
 */
export function explain(error) {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return text.errors.unknown;
  }
  if (error.code === 'unreachable') return text.errors.unreachableNow;
  if (error.code === 'stale') return text.errors.stale;
  if (error.code === 'withdrawn') return text.errors.withdrawn;
  if (error.status === 429 || (error.status === 503 && error.retryAfter > 0)) return text.errors.rate_limited(error.retryAfter);
  return error.message || text.errors.unknown;
}

/**
 * What stands where something else would, and the way to try again.
 * @param {unknown} error
 * @param {() => void} load
 */
export function faultOf(error, load) {
  return h('div', { class: 'fault' }, icon('warning'), h('p', null, explain(error)),
    h('button', { type: 'button', class: 'button small', onclick: load }, text.tryAgain));
}

/** Something that stands where something else will. */
export function waiting() {
  return h('div', { class: 'loading', role: 'status' }, h('span', { class: 'off-screen' }, text.loading), h('i'), h('i'), h('i'));
}

/** @param {unknown} error */
export function report(error) {
  const isStale = error instanceof ApiError && error.code === 'stale';
  notify(explain(error), isStale ? { label: text.errors.reload, act: () => location.reload() } : { kind: 'error' });
}
