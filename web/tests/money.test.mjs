// What answers cost: the line below them, its details, the page of usage, the budget.

import { answered, assert, goto, push, send, signUp, test } from './harness.mjs';

await test(async ({ page }) => {
  await signUp(page);
  await push({ text: 'Not much.', usage: [1_000, 400, 50, 0] });
  await send(page, 'What do you cost?');
  const answer = await answered(page, 'Not much.');
  const line = await answer.locator('.facts').textContent();
  assert.match(line, /gpt-4\.1-nano/);
  assert.match(line, /\(400 cached\)/);
  assert.match(line, /\$0\.000\d+/);
  assert.match(line, /\d s.*first word after <?\d/);
  await answer.locator('.facts').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('cell', { name: 'Answer', exact: true }).waitFor();
  // 600 fresh at .10, 400 cached at .025, 50 out at .40, in dollars per million.
  await dialog.getByRole('cell', { name: /(^|Cost )\$0\.00009$/ }).waitFor();
  await page.keyboard.press('Escape');

  await goto(page, '#/usage');
  await page.locator('.plot').waitFor();
  assert.match(await page.locator('.tile').first().textContent(), /\$0\.000\d+/);
  await page.locator('.share', { hasText: 'gpt-4.1-nano' }).waitFor();

  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    const me = await (await fetch('api/users/me', { headers })).json();
    await fetch(`api/admin/users/${me.id}/budget`, { method: 'PUT', headers, body: JSON.stringify({ limit: '2', period: 'day' }) });
  });
  await page.reload();
  await page.getByText('of $2.00').waitFor();
  await goto(page, '#/');
  await page.getByText('left today').waitFor();
});
