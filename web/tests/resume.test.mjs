// Answers outlive what happens around them: a lost network, a server that dies, a page that is left, a second tab.

import { answered, assert, expectFailures, goto, push, reload, send, showSide, signUp, stage, tab, test } from './harness.mjs';

await test(async ({ context, page }) => {
  await signUp(page);
  expectFailures('ERR_', '502');

  // The network goes and comes back: nothing is missing, nothing is twice.
  await push({ text: 'alpha beta gamma delta epsilon', deltas: 5, after: 2, gate: 'net' });
  await send(page, 'Greek letters');
  await stage('reached', { gate: 'net' });
  await page.locator('.answer .prose').filter({ hasText: 'alpha' }).waitFor();
  const read = [];
  page.on('request', (request) => { if (request.url().includes('/events')) read.push(request.url()); });
  await stage('cut');
  await page.locator('.cut-off').waitFor();
  await stage('open', { gate: 'net' });
  await stage('mend');
  await answered(page);
  assert.equal(await page.locator('.answer .prose').last().textContent(), 'alpha beta gamma delta epsilon');
  assert.ok(read.length > 0 && read.every((url) => /[?&]after=\d/.test(url)), `from the last event that was seen: ${read.join(' ')}`);

  // Coming back to a running answer shows it running, with Stop.
  await push({ text: 'uno due tre quattro', deltas: 4, after: 2, gate: 'back' });
  await send(page, 'Italian numbers');
  await stage('reached', { gate: 'back' });
  await page.locator('.answer .prose').last().filter({ hasText: 'uno' }).waitFor();
  await reload(page);
  await page.locator('.answer.running .prose').filter({ hasText: 'uno' }).waitFor();
  await page.getByRole('button', { name: 'Stop' }).waitFor();

  // A second tab sees the same answer; the first goes elsewhere and is told when it has come.
  const second = await tab(context);
  await goto(second, new URL(page.url()).hash);
  await second.locator('.answer.running .prose').filter({ hasText: 'uno' }).waitFor();
  await showSide(page);
  await page.getByRole('link', { name: 'New chat' }).first().click();
  await page.locator('.greeting').waitFor();
  await showSide(page);
  await page.locator('.chat-row .mark.running').waitFor();
  await stage('open', { gate: 'back' });
  await answered(second, 'uno due tre quattro');
  await page.locator('.chat-row .mark.finished').waitFor();
  await page.locator('.chat-row a').first().click();
  await answered(page, 'uno due tre quattro');
  await second.close();

  // The server is killed in the middle, and comes back.
  await push({ text: 'eins zwei drei vier', deltas: 4, after: 2, gate: 'dead' });
  await send(page, 'German numbers');
  await stage('reached', { gate: 'dead' });
  await page.locator('.answer .prose').last().filter({ hasText: 'eins' }).waitFor();
  await stage('kill');
  await page.locator('.cut-off').waitFor();
  await stage('start');
  await page.getByText('The server ended in the middle').waitFor();
  assert.match(await page.locator('.answer .prose').last().textContent(), /^eins/);
  await push({ text: 'eins zwei drei vier fünf' });
  await page.locator('.answer .fault').getByRole('button', { name: 'Answer again' }).click();
  await answered(page, 'eins zwei drei vier fünf');

  // A question that cannot be sent comes back to where it was written.
  await stage('cut');
  await send(page, 'Is anybody there?');
  await page.locator('.composer .fault').waitFor({ timeout: 30_000 });
  assert.equal(await page.getByLabel('Your question').inputValue(), 'Is anybody there?');
  await stage('mend');
  await push({ text: 'Yes.' });
  await page.getByRole('button', { name: 'Send' }).click();
  await answered(page, 'Yes.');
  assert.equal(await page.getByText('Is anybody there?').count(), 1);
});
