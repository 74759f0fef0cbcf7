// What a first load weighs, to the byte: the page, its headers and the replies of the interface, until one can write.

import { assert, PAGE, test } from './harness.mjs';
import { firstLoad } from './measures.mjs';

const MOST_BYTES = 105_000;
/** A hundred chats, pinned ones apart, cost no more than this. */
const MOST_LIST_BYTES = 4_000;

await test(async ({ page }) => {
  const registered = await fetch(`${PAGE}/api/auth/register`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: 'ada@example.org', password: 'secret' }),
  });
  const { access_token: token } = await registered.json();
  for (let number = 0; number < 100; number += 1) {
    await fetch(`${PAGE}/api/conversations/`, {
      method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ title: `A chat about the sea, number ${number}` }),
    });
  }
  await page.addInitScript((known) => localStorage.setItem('chatai:token', known), token);
  const loaded = await firstLoad(page, `${PAGE}/#/`);
  const total = loaded.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`the first load: ${total} bytes in ${loaded.length} replies`);
  console.log([...loaded].sort((one, other) => other.bytes - one.bytes).map(({ address, bytes }) => `${String(bytes).padStart(7)} ${address.slice(PAGE.length)}`).join('\n'));
  assert.ok(total > 50_000 && total <= MOST_BYTES, `${total} bytes`);
  const list = loaded.filter(({ address }) => address.includes('/conversations/'));
  assert.ok(list.length > 0 && list.every(({ bytes }) => bytes <= MOST_LIST_BYTES), JSON.stringify(list));
});
