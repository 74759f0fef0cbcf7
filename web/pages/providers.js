// How the model providers are: as their last calls showed it, looked at again while it is in sight.

import { get } from '../lib/api.js';
import { h, icon, fill } from '../lib/dom.js';
import { full } from '../lib/time.js';
import { explain, waiting } from '../shell/notice.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').ProviderHealth} ProviderHealth */

const PAUSE_MS = 5_000;
const words = text.admin;

export function providersSection() {
  const rows = h('ul', { class: 'cards', 'aria-busy': 'true' }, h('li', null, waiting()));
  let drawn = '';
  const load = async () => {
    try {
      /** @type {ProviderHealth[]} */
      const providers = await get('admin/providers');
      const now = JSON.stringify(providers);
      // What has not changed is not drawn again under whoever reads it.
      if (now !== drawn) fill(rows, providers.length === 0 ? none() : providers.map(provider));
      drawn = now;
    } catch (error) {
      drawn = '';
      fill(rows, h('li', { class: 'fault' }, icon('warning'), explain(error)));
    }
    rows.removeAttribute('aria-busy');
  };
  const again = async () => {
    // Gone from the page: nobody looks any more.
    if (!rows.isConnected) return;
    if (!document.hidden) await load();
    setTimeout(again, PAUSE_MS);
  };
  load().then(() => setTimeout(again, PAUSE_MS));
  return h('section', null, rows);
}

function none() {
  return h('li', { class: 'greeting empty' }, h('h2', null, words.noProviders), h('p', null, words.noProvidersLead));
}

/** @param {ProviderHealth} one */
function provider(one) {
  const row = (/** @type {string} */ label, /** @type {import('../lib/dom.js').Child} */ value) => h('div', null, h('dt', null, label), h('dd', null, value));
  const since = one.state === 'resting' && one.resting_until ? words.restingUntil(full(one.resting_until))
    : one.state_since && one.state !== 'unknown' ? words.healthSince(full(one.state_since)) : '';
  return h('li', { class: 'card' },
    h('div', { class: 'provider-head' }, h('h3', null, one.name), h('span', { class: `state-word ${one.state === 'reachable' ? '' : one.state === 'unknown' ? 'off' : 'bad'}` }, words.health[one.state] ?? one.state)),
    h('p', { class: 'quiet' }, [one.host, words.serves(one.models), since].filter(Boolean).join(' · ')),
    h('dl', { class: 'facts-list' },
      one.in_flight !== undefined && row(words.inFlight, text.count(one.in_flight)),
      row(words.lastAnswer, one.answered_at ? full(one.answered_at) : words.never),
      one.last_error && row(words.lastError, full(one.last_error.at))),
    one.last_error && h('p', { class: one.state === 'reachable' ? 'quiet' : 'fault' }, one.last_error.detail));
}
