// First run, signing in and out, and a session that ends while somebody writes.

import { answered, assert, expectFailures, goto, push, reload, showSide, signUp, test } from './harness.mjs';

await test(async ({ page }) => {
  const begun = Date.now();
  await signUp(page);
  assert.equal(await page.locator('.greeting li button').count(), 3);
  await push({ text: 'Moby-Dick.' });
  await page.locator('.greeting li button').first().click();
  await answered(page, 'Moby-Dick.');
  assert.ok(Date.now() - begun < 60_000);

  // The session ends; what is written stays, and the question goes out once it is there again. What it takes has been told by
  // then: else that would be asked in vain, and whoever writes be interrupted.
  expectFailures('401');
  const told = page.waitForResponse((response) => response.url().includes('chat/estimate') && Boolean(response.request().postData()?.includes('Are you there?')));
  await page.getByLabel('Your question').fill('Are you there?');
  await told;
  await page.evaluate(async () => {
    const token = localStorage.getItem('chatai:token');
    await fetch('api/auth/logout', { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  });
  await push({ text: 'Still here.' });
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Your session has ended').waitFor();
  await page.getByLabel('Password').fill('wrong!');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Incorrect username or password').waitFor();
  await page.getByLabel('Password').fill('secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await answered(page, 'Still here.');
  assert.equal(await page.locator('.question').count(), 2);

  // A draft outlives the page.
  await page.getByLabel('Your question').fill('half a thought');
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.includes(':draft:')));
  await reload(page);
  await page.locator('.answer .facts').last().waitFor();
  assert.equal(await page.getByLabel('Your question').inputValue(), 'half a thought');

  await showSide(page);
  await page.locator('.account').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel('Password').fill('secret');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByLabel('Your question').waitFor();

  // Signing out among the settings ends the session on the server too, and what was deleted a moment before stays deleted.
  await showSide(page);
  await page.locator('.chat-row a').first().click();
  await answered(page, 'Still here.');
  await page.locator('.top').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  const token = await page.evaluate(() => localStorage.getItem('chatai:token'));
  await goto(page, '#/settings');
  await page.locator('.page').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  const ended = await page.evaluate(async (bearer) => (await fetch('api/users/me', { headers: { Authorization: `Bearer ${bearer}` } })).status, token);
  assert.equal(ended, 401);
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel('Password').fill('secret');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.locator('.page').waitFor();
  await showSide(page);
  await page.locator('.chat-rows .none').waitFor();
});
