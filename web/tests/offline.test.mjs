// The page is kept for times without a network, and nothing else is: no reply of the interface, and no page that the
// server has replaced.

import { answered, assert, expectFailures, push, reload, send, signUp, stage, test } from './harness.mjs';

await test(async ({ page }) => {
  await signUp(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await push({ text: 'A private answer.' });
  await send(page, 'A private question');
  await answered(page, 'A private answer.');
  await reload(page);
  await answered(page, 'A private answer.');
  const kept = () => page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
    return found;
  });
  const paths = await kept();
  assert.ok(paths.includes('/') && paths.some((path) => path.endsWith('/main.js')), paths.join(' '));
  assert.deepEqual(paths.filter((path) => path !== '/' && !/^\/app\/[0-9a-f]{16}\//.test(path)), [], 'nothing but the page');

  // No server: the page opens, says so, and goes on by itself once there is one.
  await page.getByLabel('Your question').fill('half a thought');
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.includes(':draft:') && localStorage.getItem(key)?.includes('half')));
  expectFailures('ERR_', '502');
  // Every part of it has come by itself, though nothing has asked for it yet.
  await page.waitForFunction(async () => Boolean(await caches.match(new URL('pages/admin.js', /** @type {HTMLScriptElement} */ (document.querySelector('script[src$="main.js"]')).src))));
  await stage('cut');
  await page.evaluate(() => { location.hash = '#/usage'; });
  await page.locator('.page .fault', { hasText: 'The server cannot be reached.' }).waitFor();
  assert.equal(await page.locator('.page .fault').count(), 1, 'it is said once');
  await stage('mend');
  await page.locator('.page .fault').getByRole('button', { name: 'Try again' }).click();
  await page.locator('.tiles').waitFor();
  await page.goBack();
  await answered(page, 'A private answer.');
  await stage('cut');
  await reload(page);
  await page.getByText('The server cannot be reached.').waitFor();
  await stage('mend');
  await answered(page, 'A private answer.');
  assert.equal(await page.getByLabel('Your question').inputValue(), 'half a thought');

  // What is kept is never shown in place of what the server has.
  await page.evaluate(async () => {
    for (const name of await caches.keys()) {
      await (await caches.open(name)).put(location.pathname, new Response('<title>old</title>', { headers: { 'Content-Type': 'text/html' } }));
    }
  });
  await reload(page);
  await answered(page, 'A private answer.');
  assert.notEqual(await page.title(), 'old');

  // Pages of versions before do not pile up, and the last one's parts are still there for a tab that shows it.
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.unregister();
    const all = await caches.keys();
    await Promise.all(all.map((name) => caches.delete(name)));
    for (const version of ['1', '2', '3']) {
      const cache = await caches.open(`chatai-page ${location.origin}/app/${version}/`);
      await cache.put(`/app/${version}/part.js`, new Response(`part ${version}`));
    }
  });
  await reload(page);
  await page.waitForFunction(async () => (await caches.keys()).length === 2 && (await navigator.serviceWorker.ready).active?.state === 'activated');
  const names = await page.evaluate(() => caches.keys());
  assert.ok(names.some((name) => name.endsWith('/app/3/')), names.join(' '));
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  assert.equal(await page.evaluate(async () => (await fetch('/app/3/part.js')).text()), 'part 3');
});
