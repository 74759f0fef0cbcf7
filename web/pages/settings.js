// What belongs to an account: its look, its keys, its password, its end.

import { ask, call, get, setToken } from '../lib/api.js';
import { h, icon, iconButton, fill } from '../lib/dom.js';
import { date, full } from '../lib/time.js';
import { copyButton } from '../markdown/render.js';
import { explain, faultOf, notify, report, waiting } from '../shell/notice.js';
import { field, openDialog } from '../shell/overlay.js';
import { setTheme, theme } from '../shell/theme.js';
import { text } from '../text.js';
import { choice } from './usage.js';

/** @typedef {import('../types.js').Account} Account */
/** @typedef {import('../types.js').Key} Key */
/** @typedef {import('../types.js').Session} Session */

/**
 * @param {Account} account
 * @param {() => void} onSignOut
 * @param {() => void} onLeft when there is no account any more
 */
export function settingsPage(account, onSignOut, onLeft) {
  const words = text.settings;
  return h('div', { class: 'page' },
    h('section', null, h('h2', null, words.account),
      h('p', { class: 'lead' }, [account.display_name, account.email, words.roles[account.role], words.since(date(account.created_at))].filter(Boolean).join(' · '))),
    h('section', null, h('h2', null, words.look),
      h('div', null, choice(words.look, /** @type {const} */ (['system', 'light', 'dark']).map((value) => ({ value, label: words.theme[value] })), theme(), setTheme))),
    keysSection(), sessionsSection(onSignOut), passwordSection(), leaveSection(onLeft));
}

function keysSection() {
  const words = text.settings;
  const made = h('div');
  const rows = h('ul', { class: 'rows', 'aria-busy': 'true' }, h('li', null, waiting()));
  const load = async () => {
    try {
      /** @type {Key[]} */
      const keys = await get('keys');
      fill(rows, keys.length === 0 && h('li', { class: 'quiet' }, words.noKeys), keys.map((key) => h('li', null,
        h('div', null, h('b', null, key.name), ' ', h('code', { class: 'quiet' }, `${key.prefix}…`), h('br'),
          h('small', null, `${words.keyMade(date(key.created_at))}, ${key.last_used_at ? words.keyUsed(date(key.last_used_at)) : words.keyUnused}`)),
        iconButton('trash', words.keyRemove(key.name), () => call('DELETE', `keys/${key.id}`).then(load, report)))));
    } catch (error) {
      fill(rows, h('li', null, faultOf(error, load)));
    }
    rows.removeAttribute('aria-busy');
  };
  const name = h('input', { type: 'text', maxlength: 200, required: true });
  const make = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const { key } = await ask('POST', 'keys', { json: { name: name.value.trim() } });
      name.value = '';
      fill(made, h('p', null, words.keyOnce), h('div', { class: 'secret' }, h('code', null, key), copyButton(() => key)));
      await load();
    } catch (error) {
      report(error);
    }
  };
  load();
  return h('section', null, h('h2', null, words.keys), h('p', { class: 'lead' }, words.keysLead,
      h('br'), words.interface, ' ', h('a', { href: 'docs/', target: '_blank' }, words.docs)),
    made, rows, h('form', { class: 'narrow', onsubmit: make }, field(words.keyName, name), h('button', { type: 'submit', class: 'button' }, icon('plus'), words.newKey)));
}

/** @param {() => void} onSignOut */
function sessionsSection(onSignOut) {
  const words = text.settings;
  const rows = h('ul', { class: 'rows', 'aria-busy': 'true' }, h('li', null, waiting()));
  const others = h('button', { type: 'button', class: 'button', hidden: true }, words.endOthers);
  const end = async (/** @type {Session[]} */ several) => {
    try {
      for (const { id } of several) await call('DELETE', `auth/sessions/${id}`);
    } catch (error) {
      report(error);
    }
    await load();
  };
  const load = async () => {
    try {
      /** @type {Session[]} */
      const sessions = await get('auth/sessions');
      const rest = sessions.filter(({ current }) => !current);
      others.hidden = rest.length < 2;
      others.onclick = () => end(rest);
      fill(rows, [...sessions.filter(({ current }) => current), ...rest].map((session) => h('li', null,
        h('div', null, h('b', { title: session.user_agent ?? undefined }, device(session.user_agent)), ' ', session.current && h('span', { class: 'badge' }, words.thisOne), h('br'),
          h('small', null, `${words.signedIn(full(session.created_at))}${session.last_used_at ? `, ${words.sessionUsed(full(session.last_used_at))}` : ''}`)),
        session.current ? h('button', { type: 'button', class: 'button small', onclick: onSignOut }, text.sign.out)
          : h('button', { type: 'button', class: 'button small', 'aria-label': words.endOf(device(session.user_agent)), onclick: () => end([session]) }, words.end))));
    } catch (error) {
      fill(rows, h('li', null, faultOf(error, load)));
    }
    rows.removeAttribute('aria-busy');
  };
  load();
  return h('section', null, h('h2', null, words.sessions), h('p', { class: 'lead' }, words.sessionsLead), rows, h('div', null, others));
}

/** What browsers call themselves, the particular before the general. */
const BROWSERS = [['Edg', 'Edge'], ['OPR', 'Opera'], ['Firefox', 'Firefox'], ['Chrome', 'Chrome'], ['Safari', 'Safari']];
const SYSTEMS = [['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS X', 'macOS'], ['CrOS', 'ChromeOS'], ['Linux', 'Linux']];

/** @param {string | null} agent */
function device(agent) {
  if (!agent) return text.settings.unknownDevice;
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => names.find(([word]) => agent.includes(word))?.[1]);
  if (browser && system) return text.settings.browserOn(browser, system);
  return browser ?? agent.split(/[\s(]/, 1)[0].slice(0, 60);
}

function passwordSection() {
  const words = text.settings;
  const current = h('input', { type: 'password', autocomplete: 'current-password', required: true });
  const next = h('input', { type: 'password', autocomplete: 'new-password', required: true });
  const fault = h('p', { class: 'fault', role: 'alert', hidden: true });
  const change = async (/** @type {Event} */ event) => {
    event.preventDefault();
    fault.hidden = true;
    try {
      const answer = await ask('POST', 'auth/password', { json: { current_password: current.value, new_password: next.value } });
      setToken(answer.access_token);
      current.value = '';
      next.value = '';
      notify(words.changed);
    } catch (error) {
      fault.hidden = false;
      fill(fault, icon('warning'), explain(error));
    }
  };
  return h('section', null, h('h2', null, words.password), h('form', { class: 'narrow', onsubmit: change },
    fault, field(words.current, current), field(words.next, next), h('button', { type: 'submit', class: 'button' }, words.change)));
}

/** @param {() => void} onLeft */
function leaveSection(onLeft) {
  const words = text.settings;
  const open = () => {
    const password = h('input', { type: 'password', autocomplete: 'current-password', required: true });
    const fault = h('p', { class: 'fault', role: 'alert', hidden: true });
    openDialog(words.leave, [h('p', null, words.leaveLead), h('form', { onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      try {
        await call('DELETE', 'users/me', { json: { password: password.value } });
        onLeft();
      } catch (error) {
        fault.hidden = false;
        fill(fault, icon('warning'), explain(error));
      }
    } }, fault, field(words.current, password), h('div', { class: 'row end' }, h('button', { type: 'submit', class: 'button danger' }, words.leaveConfirm)))]);
  };
  return h('section', null, h('h2', null, words.leave), h('p', { class: 'lead' }, words.leaveLead),
    h('div', null, h('button', { type: 'button', class: 'button danger', onclick: open }, words.leave)));
}
