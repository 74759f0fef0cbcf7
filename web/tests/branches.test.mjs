// Editing a question, answering again, and the arrows between versions.

import { answered, assert, push, reload, send, signUp, test } from './harness.mjs';

await test(async ({ page }) => {
  await signUp(page);
  await push({ text: 'First answer.' });
  await send(page, 'First question');
  await answered(page, 'First answer.');
  await push({ text: 'Second answer.' });
  await page.locator('.answer').last().getByRole('button', { name: 'Answer again' }).click();
  await page.getByRole('menuitem', { name: 'Answer again', exact: true }).click();
  await answered(page, 'Second answer.');
  await page.locator('.answer .branches').getByText('2/2').waitFor();
  await page.locator('.answer').getByRole('button', { name: 'The version before' }).click();
  await page.getByText('First answer.').waitFor();
  await page.locator('.answer .branches').getByText('1/2').waitFor();

  await push({ text: 'Third answer.' });
  await page.locator('.question').hover();
  await page.locator('.question').getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Edit the question').fill('Another question');
  // What is typed there outlives the page.
  await reload(page);
  await page.locator('.question').hover();
  await page.locator('.question').getByRole('button', { name: 'Edit' }).click();
  assert.equal(await page.getByLabel('Edit the question').inputValue(), 'Another question');
  await page.getByRole('button', { name: 'Ask this instead' }).click();
  await answered(page, 'Third answer.');
  await page.locator('.question .branches').getByText('2/2').waitFor();
  assert.equal(await page.locator('.question').count(), 1);
  // A question's branch is the one that goes on longest: with its latest answer.
  await page.locator('.question').getByRole('button', { name: 'The version before' }).click();
  await page.getByText('Second answer.').waitFor();
  await page.locator('.answer .branches').getByText('2/2').waitFor();
});
