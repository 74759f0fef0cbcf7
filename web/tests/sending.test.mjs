// Between Send and the first word: whoever goes elsewhere meanwhile loses nothing and is told nothing wrong, and Stop stops
// what has not arrived as well as what has. And a part of the page that another version of the server does not have.

import { answered, assert, expectFailures, push, send, showSide, signUp, stage, test } from './harness.mjs';

await test(async ({ page }) => {
  await page.route('**/pages/usage.js', (route) => route.fulfill({ status: 404 }));
  expectFailures('404');
  await signUp(page);
  await push({ text: 'The first answer.' });
  await send(page, 'The first question');
  await answered(page, 'The first answer.');
  const first = new URL(page.url()).hash;

  // Questions wait on their way until the test lets them go.
  let letGo = () => {};
  let held = Promise.resolve();
  const hold = () => { held = new Promise((resolve) => { letGo = () => resolve(undefined); }); };
  const under = [];
  await page.route('**/api/chat/', async (route) => {
    under.push(route.request().method());
    await held;
    await route.continue().catch(() => {});
  });
  const fresh = async () => {
    await showSide(page);
    await page.getByRole('link', { name: 'New chat' }).first().click();
    await page.locator('.greeting').waitFor();
  };
  const onItsWay = (count) => page.waitForFunction(() => document.querySelector('.answer.running .waiting') !== null).then(async () => {
    while (under.length < count) await page.evaluate(() => new Promise(requestAnimationFrame));
  });

  // Left while it is on its way: it arrives, is marked, and stands in the list with its answer, once.
  await fresh();
  hold();
  await push({ text: 'The second answer.' });
  await send(page, 'The second question');
  await onItsWay(1);
  await showSide(page);
  await page.locator(`.chat-row a[href="${first}"]`).click();
  await answered(page, 'The first answer.');
  letGo();
  await showSide(page);
  await page.locator('.chat-row .mark.finished').waitFor();
  assert.equal(await page.locator('.chat-row').count(), 2);
  assert.equal(await page.locator('.notice').count(), 0, 'nothing went wrong');
  await page.locator('.chat-row', { has: page.locator('.mark.finished') }).locator('a').click();
  await answered(page, 'The second answer.');
  await fresh();
  assert.equal(await page.getByLabel('Your question').inputValue(), '', 'what has arrived is no draft');

  // Stopped while it is on its way: it arrives, and is stopped there.
  hold();
  await push({ text: 'one two three four five six', deltas: 6, after: 2, gate: 'stopped' });
  await send(page, 'The third question');
  await onItsWay(2);
  await page.getByRole('button', { name: 'Stop' }).click();
  letGo();
  await page.getByText('Stopped.').waitFor();
  await stage('open', { gate: 'stopped' });
  await page.getByRole('button', { name: 'Send' }).waitFor();

  // Stopped while there is no network: it is not sent again, and stands where it was written.
  expectFailures('ERR_', '502');
  await fresh();
  await stage('cut');
  await send(page, 'The fourth question');
  await onItsWay(3);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.locator('.composer .fault', { hasText: 'You stopped it before it arrived' }).waitFor();
  assert.equal(await page.getByLabel('Your question').inputValue(), 'The fourth question');
  await stage('mend');
  await push({ text: 'The fourth answer.' });
  await page.getByRole('button', { name: 'Send' }).click();
  await answered(page, 'The fourth answer.');

  await page.evaluate(() => { location.hash = '#/usage'; });
  await page.locator('.notice', { hasText: 'The page is newer on the server.' }).waitFor();
  await page.unroute('**/pages/usage.js');
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.locator('.page .choice').first().waitFor();
}, ['light'], { workers: 'block' });
