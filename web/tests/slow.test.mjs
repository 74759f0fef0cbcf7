// A slow network: what is needed first comes first, answers are readable while they come, uploads show how far they are,
// and nothing is lost.

import { answered, assert, expectFailures, push, send, signUp, stage, test } from './harness.mjs';

const BYTES_PER_S = 50_000;
const LATENCY_MS = 400;
const FIRST_LOAD_BYTES = 105_000;

await test(async ({ page }) => {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: LATENCY_MS, downloadThroughput: BYTES_PER_S, uploadThroughput: BYTES_PER_S });
  let bytes = 0;
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  const begun = Date.now();
  await signUp(page);
  console.log(`from nothing to writing: ${((Date.now() - begun) / 1000).toFixed(1)} s and ${bytes} bytes, signing up included`);
  assert.ok(bytes <= FIRST_LOAD_BYTES + 30_000, `${bytes} bytes`);

  // What has come is shown while the rest is on its way.
  const words = Array.from({ length: 400 }, (_, index) => `word${index}`).join(' ');
  await push({ text: words, deltas: 200, after: 100, gate: 'slow' });
  await send(page, 'Tell me slowly');
  await stage('reached', { gate: 'slow' });
  const prose = page.locator('.answer .prose').last();
  await prose.filter({ hasText: 'word150' }).waitFor();
  assert.equal(await page.locator('.answer').last().getAttribute('aria-busy'), 'true');

  // And the network breaks on top of that.
  expectFailures('ERR_', '502');
  await stage('cut');
  await page.locator('.cut-off').waitFor();
  await stage('open', { gate: 'slow' });
  await stage('mend');
  await answered(page);
  assert.equal(await prose.textContent(), words);

  // A file on its way says how much of it is there.
  await page.evaluate(() => {
    /** @type {any} */ (window).sent = new Set();
    new MutationObserver((changes) => {
      for (const { target } of changes) /** @type {any} */ (window).sent.add(/** @type {HTMLElement} */ (target).dataset.sent);
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-sent'] });
  });
  await page.locator('.composer input[type=file]').setInputFiles([
    { name: 'first.txt', mimeType: 'text/plain', buffer: Buffer.alloc(60_000, 'a ') },
    { name: 'second.txt', mimeType: 'text/plain', buffer: Buffer.alloc(60_000, 'b ') },
  ]);
  await push({ text: 'Read them.' });
  await send(page, 'Read these');
  await answered(page, 'Read them.');
  const sent = await page.evaluate(() => [.../** @type {any} */ (window).sent]);
  assert.ok(sent.some((one) => /^[1-9]\d? %$/.test(one)), `parts of a file: ${sent.join(', ')}`);
});
