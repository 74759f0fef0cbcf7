// Answers in several chats at once: each goes on while another is looked at, is marked while it runs and once it has come,
// and Stop stops the one in sight alone.

import { answered, assert, push, reload, send, showSide, signUp, stage, test } from './harness.mjs';

await test(async ({ page }) => {
  await signUp(page);
  const ask = async (number) => {
    await push({ text: `begun${number} and ended${number}`, deltas: 12, after: 6, gate: `several ${number}` });
    await send(page, `Question ${number}`);
    await stage('reached', { gate: `several ${number}` });
    await page.locator('.answer.running .prose').filter({ hasText: `begun${number}` }).waitFor();
    return new URL(page.url()).hash;
  };
  const fresh = async () => {
    await showSide(page);
    await page.getByRole('link', { name: 'New chat' }).first().click();
    await page.locator('.greeting').waitFor();
  };
  const open = async (hash) => {
    await showSide(page);
    await page.locator(`.chat-row a[href="${hash}"]`).click();
  };
  const first = await ask(1);
  await fresh();
  const second = await ask(2);
  await fresh();
  const third = await ask(3);
  await showSide(page);
  const row = (hash) => page.locator('.chat-row', { has: page.locator(`a[href="${hash}"]`) });
  await row(first).locator('.mark.running').waitFor();
  await row(second).locator('.mark.running').waitFor();
  assert.equal(await row(third).locator('.mark').count(), 0, 'the one in sight needs no mark');

  // The second ends, and is marked; the first goes on, also when the page is opened anew.
  await stage('open', { gate: 'several 2' });
  await row(second).locator('.mark.finished').waitFor();
  await row(first).locator('.mark.running').waitFor();
  await reload(page);
  await page.locator('.answer.running .prose').filter({ hasText: 'begun3' }).waitFor();
  await showSide(page);
  await row(first).locator('.mark.running').waitFor();

  // Back at the first: it runs, with Stop, which stops it and not the third.
  await open(first);
  await page.locator('.answer.running .prose').filter({ hasText: 'begun1' }).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Stopped.').waitFor();
  await open(third);
  await page.locator('.answer.running .prose').filter({ hasText: 'begun3' }).waitFor();
  await stage('open', { gate: 'several 3' });
  await stage('open', { gate: 'several 1' });
  await answered(page, 'begun3 and ended3');
  await open(second);
  await answered(page, 'begun2 and ended2');
  await showSide(page);
  await page.waitForFunction(() => document.querySelectorAll('.chat-row').length === 3 && document.querySelectorAll('.chat-row .mark').length === 0);
});
