// What people write that nobody expects: words without an end, long titles, languages from right to left, whole books.
// Nothing is cut off, nothing lies over what one needs.

import { answered, assert, isPhone, push, reload, send, showSide, signUp, test } from './harness.mjs';

const WORD = 'W'.repeat(200);

await test(async ({ page }) => {
  await signUp(page);
  const inside = (/** @type {import('playwright-core').Locator} */ one, /** @type {string} */ what) => one.evaluate((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  }).then((isInside) => assert.ok(isInside, `${what} lies outside the window`));
  const notWide = async (/** @type {string} */ what) =>
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is wider than the window`);

  // From right to left, with code and formulas from left to right in it.
  await push({ text: 'مرحبا بك! هذه **قائمة**:\n\n- أولا\n- ثانيا\n\n```js\nlet a = 1;\n```\n\n$$a + b$$' });
  await send(page, 'ما هو أفضل كتاب عن البحر؟');
  await answered(page);
  await page.locator('math').first().waitFor();
  const directions = await page.evaluate(() => ['.question .bubble', '.answer .prose p', '.answer .prose li', '.answer figure.code', '.answer .math']
    .map((name) => getComputedStyle(/** @type {Element} */ (document.querySelector(name))).direction));
  assert.deepEqual(directions, ['rtl', 'rtl', 'rtl', 'ltr', 'ltr']);
  await page.getByLabel('Your question').fill('שלום');
  assert.equal(await page.getByLabel('Your question').evaluate((area) => getComputedStyle(area).direction), 'rtl');
  await page.getByLabel('Your question').fill('');

  // A word without an end, asked and answered.
  await push({ text: `${WORD} [${WORD}](https://example.org/${WORD}) \`${WORD}\`\n\n| ${WORD} | b |\n|---|---|\n| 1 | ${WORD} |` });
  await send(page, `${WORD} https://example.org/${WORD}`);
  await answered(page);
  await notWide('a long word');

  // A title without an end: the way back from its deletion is in reach, and so is its menu.
  await page.evaluate(async (title) => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    await fetch('api/conversations/', { method: 'POST', headers, body: JSON.stringify({ title }) });
  }, WORD);
  await reload(page);
  await showSide(page);
  const row = page.locator('.chat-row', { hasText: WORD });
  if (!isPhone) {
    await row.hover();
    const covered = await row.evaluate((element) => {
      const [title, button] = ['.title', '.icon-button'].map((name) => /** @type {Element} */ (element.querySelector(name)).getBoundingClientRect());
      return title.right > button.left + 1;
    });
    assert.equal(covered, false, 'the menu lies over the title');
  }
  await row.locator('a').click();
  await page.locator('h1', { hasText: WORD }).waitFor();
  await notWide('a long title');
  await page.locator('.top').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  const undo = page.getByRole('button', { name: 'Undo' });
  await undo.waitFor();
  await inside(undo, 'Undo');
  await undo.click();
  await page.locator('h1', { hasText: WORD }).waitFor();

  // A long text becomes a file; what says so lies over neither the file nor the place where one writes.
  await page.getByLabel('Your question').focus();
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData('text/plain', text);
    document.querySelector('#question')?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, 'A line of a hundred kilobytes.\n'.repeat(3_400));
  await page.locator('.composer .chip', { hasText: 'pasted.txt' }).waitFor();
  const notice = page.locator('.notice', { hasText: 'The long text became a file' });
  await notice.waitFor();
  await page.waitForFunction(() => {
    const notice = /** @type {Element} */ (document.querySelector('.notice:last-child')).getBoundingClientRect();
    return notice.bottom <= /** @type {Element} */ (document.querySelector('.composer')).getBoundingClientRect().top;
  });
  await page.getByRole('button', { name: 'Insert as text' }).click();
  await notWide('a hundred kilobytes');
  await inside(page.getByRole('button', { name: 'Send' }), 'Send');
  await page.getByRole('button', { name: 'Send' }).click();
  const answer = await answered(page);
  assert.equal(await answer.locator('.fault').count(), 0);
  await notWide('a hundred kilobytes');
});
