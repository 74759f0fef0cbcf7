// Signing in: the first account, a new one, or one that exists; and again, over the page, when a session has ended.

import { ask, get, setToken } from '../lib/api.js';
import { h, icon, fill, mark } from '../lib/dom.js';
import { field, openDialog } from '../shell/overlay.js';
import { explain } from '../shell/notice.js';
import { text } from '../text.js';

/**
 * @typedef {object} Sign
 * @property {'in' | 'up'} way
 * @property {string} [email] fixed
 * @property {string} submit
 */

/**
 * @param {Sign} sign
 * @param {() => void} onDone
 */
function form(sign, onDone) {
  const email = h('input', { type: 'email', name: 'email', autocomplete: 'username', required: true, value: sign.email ?? '', readonly: Boolean(sign.email), autocapitalize: 'none', spellcheck: 'false' });
  const password = h('input', { type: 'password', name: 'password', autocomplete: sign.way === 'in' ? 'current-password' : 'new-password', required: true });
  const name = h('input', { type: 'text', name: 'name', autocomplete: 'name' });
  const fault = h('p', { class: 'fault', role: 'alert', hidden: true });
  const button = h('button', { type: 'submit', class: 'button primary large' }, sign.submit);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    fault.hidden = true;
    button.disabled = true;
    try {
      const body = { email: email.value.trim(), password: password.value, display_name: name.value.trim() || undefined };
      const answer = await ask('POST', sign.way === 'in' ? 'auth/login' : 'auth/register', { json: body, open: true });
      setToken(answer.access_token);
      onDone();
    } catch (error) {
      fault.hidden = false;
      fill(fault, icon('warning'), explain(error));
      password.focus();
      password.select();
    } finally {
      button.disabled = false;
    }
  };
  return h('form', { class: 'sign', onsubmit: send },
    fault,
    sign.way === 'up' && field(`${text.sign.name} (${text.optional})`, name),
    field(text.sign.email, email),
    field(text.sign.password, password, sign.way === 'up' ? text.sign.passwordHint : undefined),
    button);
}

/**
 * The page of whoever has not signed in.
 * @param {() => void} onDone
 */
export async function signPage(onDone) {
  const body = h('div', { class: 'sign-body' });
  const element = h('main', { class: 'sign-page' },
    h('div', { class: 'brand large' }, mark(), text.name), body,
    h('p', { class: 'quiet promise' }, text.sign.promise));
  let state = { registration: 'open', first: false };
  try {
    state = await get('auth/registration');
  } catch (error) {
    fill(body, h('p', { class: 'fault' }, explain(error)), h('button', { type: 'button', class: 'button', onclick: () => location.reload() }, text.tryAgain));
    return element;
  }
  const show = (/** @type {'in' | 'up'} */ way) => {
    const heading = state.first ? text.sign.first : way === 'in' ? text.sign.in : text.sign.up;
    const lead = state.first ? text.sign.firstLead : way === 'in' ? text.sign.inLead : text.sign.upLead;
    const other = way === 'in' ? 'up' : 'in';
    fill(body,
      h('h1', null, heading), h('p', { class: 'lead' }, lead),
      form({ way, submit: way === 'in' ? text.sign.in : text.sign.up }, onDone),
      !state.first && (state.registration === 'open' || way === 'up'
        ? h('button', { type: 'button', class: 'link', onclick: () => show(other) }, way === 'in' ? text.sign.toUp : text.sign.toIn)
        : h('p', { class: 'quiet' }, text.sign.closed)));
    body.querySelector('input')?.focus();
  };
  show(state.first ? 'up' : 'in');
  return element;
}

/** @type {Promise<void> | null} */
let asking = null;

/**
 * Asks to sign in again, over everything that stands there. However many calls wait, it is asked once.
 * @param {string} email
 * @param {() => void} onOther
 * @returns {Promise<void>}
 */
export function signAgain(email, onOther) {
  asking ??= new Promise((resolve) => {
    const done = () => {
      asking = null;
      removeEventListener('storage', elsewhere);
      dialog.close();
      resolve();
    };
    const elsewhere = (/** @type {StorageEvent} */ event) => {
      if (event.key !== 'chatai:token' || !event.newValue) return;
      setToken(event.newValue);
      done();
    };
    addEventListener('storage', elsewhere);
    const dialog = openDialog(text.sign.expired, [
      h('p', null, text.sign.expiredLead),
      form({ way: 'in', email, submit: text.sign.in }, done),
      h('button', { type: 'button', class: 'link', onclick: onOther }, text.sign.other),
    ], { fixed: true });
    dialog.querySelector('input[type=password]') && /** @type {HTMLElement} */ (dialog.querySelector('input[type=password]')).focus();
  });
  return asking;
}
