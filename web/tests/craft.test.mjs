// The whole page for everybody: no barriers in either theme, the keyboard, its weight, installable.

import { answered, assert, expectAccessible, goto, isPhone, push, send, signUp, test } from './harness.mjs';

let run = 0;

await test(async ({ page, scheme }) => {
  // What is loaded until one can write, as the server sends it.
  let bytes = 0;
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  await signUp(page, `person${run += 1}@example.org`);
  assert.ok(bytes > 10_000 && bytes < 2 * 120 * 1024, `${bytes} bytes for signing in and the chat page`);
  await expectAccessible(page, `a new chat, ${scheme}`);

  await push({ text: 'Some `code`, a list:\n\n- one\n- two\n\n```js\nlet a = 1; // note\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |', usage: [10, 0, 5, 0] });
  await send(page, 'Hello there');
  await answered(page);
  await page.locator('.hl-keyword').first().waitFor();
  await expectAccessible(page, `a chat, ${scheme}`);
  await push({ status: 400 });
  await send(page, 'Fail');
  await page.locator('.answer .fault').waitFor();
  await expectAccessible(page, `a failure, ${scheme}`);
  await page.locator('.picker').click();
  await page.locator('.model').first().waitFor();
  await expectAccessible(page, `the models, ${scheme}`);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search chats and commands' }).fill('hello');
  await page.locator('.option mark').first().waitFor();
  await expectAccessible(page, `the search, ${scheme}`);
  await page.keyboard.press('Escape');
  for (const place of ['usage', 'settings', 'admin']) {
    if (place === 'admin' && run > 1) continue;
    await goto(page, `#/${place}`);
    await page.locator('.page').waitFor();
    await page.waitForFunction(() => !document.querySelector('.page [aria-busy]'));
    await expectAccessible(page, `${place}, ${scheme}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, `${place} is wider than the window`);
  }

  await goto(page, '#/');
  await page.locator('.greeting').waitFor();
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'question');
  if (!isPhone) {
    await page.keyboard.press('Control+b');
    await page.locator('.side').waitFor({ state: 'hidden' });
    await page.keyboard.press('Control+b');
    await page.locator('.side').waitFor();
  }
  const manifest = await page.evaluate(async () => {
    const link = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel=manifest]'));
    const found = await (await fetch(link.href)).json();
    const icons = await Promise.all(found.icons.map(async (/** @type {{ src: string }} */ icon) => (await fetch(new URL(icon.src, link.href))).status));
    return { start: new URL(found.start_url, link.href).pathname, icons };
  });
  assert.equal(manifest.start, '/');
  assert.ok(manifest.icons.every((status) => status === 200));
}, ['light', 'dark']);
