// The chats: a long list, search that leads to the message, renaming, deleting with a way back, export.

import { readFileSync } from 'node:fs';
import { answered, assert, goto, push, send, showSide, signUp, test } from './harness.mjs';

await test(async ({ page }) => {
  await signUp(page);
  await push({ text: 'The heron stands still.' });
  await send(page, 'A question about birds');
  await answered(page, 'The heron stands still.');
  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    for (let number = 0; number < 250; number += 1) {
      await fetch('api/conversations/', { method: 'POST', headers, body: JSON.stringify({ title: `Chat ${number}` }) });
    }
  });
  await page.reload();
  await showSide(page);
  await page.locator('.chat-row', { hasText: 'Chat 249' }).waitFor();
  assert.ok(await page.locator('.chat-row').count() < 60, 'only what is in sight is there');
  const list = page.locator('.chat-list');
  // Scrolling brings the older ones, page by page.
  await page.waitForFunction(() => {
    const scroller = document.querySelector('.chat-list');
    if (scroller) scroller.scrollTop = scroller.scrollHeight;
    return [...document.querySelectorAll('.chat-row')].some((row) => /birds/.test(row.textContent ?? ''));
  });
  await page.locator('.chat-row', { hasText: /birds/ }).waitFor();

  // An old chat that is opened by its address has its title and its menu at once, though the list has not come to it.
  const address = await page.locator('.chat-row', { hasText: /birds/ }).locator('a').getAttribute('href');
  await goto(page, `?again${address}`);
  await page.locator('h1', { hasText: 'A question about birds' }).waitFor();
  assert.match(await page.title(), /^A question about birds/);
  await page.locator('.top').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  assert.equal(await page.getByLabel('Title of the chat').inputValue(), 'A question about birds');
  await page.keyboard.press('Escape');
  await goto(page, '#/');
  await page.locator('.greeting').waitFor();

  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search chats and commands' }).fill('heron');
  await page.locator('.option mark', { hasText: 'heron' }).first().waitFor();
  await page.locator('.option', { has: page.locator('mark', { hasText: 'heron' }) }).filter({ hasText: 'Answer' }).first().click();
  await page.locator('.answer.found', { hasText: 'The heron stands still.' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.classList.contains('answer')), true, 'the message has the focus');

  // Books are among what is found, and only those that are called so.
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search chats and commands' }).fill('melville');
  await page.locator('.option', { hasText: 'Moby-Dick' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });

  await page.locator('.top').getByRole('button', { name: 'More' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Export as Markdown' }).click();
  const text = readFileSync(await (await downloading).path(), 'utf8');
  assert.match(text, /A question about birds/);
  assert.match(text, /The heron stands still\./);

  const menu = async (item) => {
    await page.locator('.top').getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: item, exact: true }).click();
  };
  const exporting = page.waitForEvent('download');
  await menu('Export as JSON');
  const file = await exporting;
  assert.match(file.suggestedFilename(), /\.json$/);
  const whole = JSON.parse(readFileSync(await file.path(), 'utf8'));
  assert.equal(whole.messages.length, 2);
  assert.ok(whole.messages.some((message) => message.usage_details.length > 0), 'what it cost goes with it');

  // A pinned chat stands above all others, however old it is, and also after the page was left.
  await menu('Pin');
  await showSide(page);
  const first = page.locator('.chat-rows li').nth(1);
  await list.evaluate((element) => { element.scrollTop = 0; });
  await page.locator('.chat-rows .label').first().filter({ hasText: 'Pinned' }).waitFor();
  await first.filter({ hasText: /birds/ }).waitFor();
  await page.reload();
  await page.locator('.answer', { hasText: 'The heron stands still.' }).waitFor();
  await showSide(page);
  await first.filter({ hasText: /birds/ }).waitFor();
  if (await page.locator('.veil').isVisible()) await page.keyboard.press('Escape');
  await menu('Unpin');
  await page.waitForFunction(() => document.querySelector('.chat-rows .label')?.textContent === 'Today');

  await page.locator('.top').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByLabel('Title of the chat').fill('Herons');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('h1', { hasText: 'Herons' }).waitFor();

  const remove = async () => {
    await page.locator('.top').getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
  };
  await remove();
  await page.locator('.greeting').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.answer', { hasText: 'The heron stands still.' }).waitFor();
  await remove();
  await page.locator('.greeting').waitFor();
  // Leaving the page does not bring it back.
  await page.reload();
  await page.waitForFunction(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}` };
    const all = await (await fetch('api/conversations/', { headers })).json();
    return all.length === 250 && !all.some((chat) => chat.title === 'Herons');
  });
});
