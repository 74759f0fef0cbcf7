// For administrators: people, budgets, registration, prices; and for everybody: keys.

import { assert, expectFailures, goto, push, signUp, test } from './harness.mjs';

await test(async ({ page }) => {
  await signUp(page);
  await page.evaluate(async () => {
    await fetch('api/auth/register', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: 'eve@example.org', password: 'secret' }) });
  });
  await goto(page, '#/admin');
  const eve = page.getByRole('row', { name: /eve@example.org/ });
  await eve.waitFor();
  await eve.getByLabel('Role of eve@example.org').selectOption('admin');
  await eve.getByRole('button', { name: 'Set a budget' }).click();
  await page.getByLabel('Limit in US dollars').fill('3.50');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.notice', { hasText: 'The budget of eve@example.org is set' }).waitFor();
  // What was changed here holds for her at once.
  const asEve = await page.evaluate(async () => {
    const answer = await fetch('api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: 'eve@example.org', password: 'secret' }) });
    return (await answer.json()).access_token;
  });
  const hers = (path) => page.evaluate(async ([bearer, at]) => {
    const answer = await fetch(`api/${at}`, { headers: { Authorization: `Bearer ${bearer}` } });
    return { status: answer.status, body: await answer.json() };
  }, [asEve, path]);
  assert.deepEqual([(await hers('users/me/budget')).body.limit, (await hers('users/me')).body.role], ['3.5', 'admin']);
  expectFailures('401');
  await eve.getByRole('button', { name: 'Shut eve@example.org out' }).click();
  await eve.getByText('shut', { exact: true }).waitFor();
  assert.equal((await hers('users/me')).status, 401);
  await page.getByText('Nobody may register').click();
  await page.waitForFunction(async () => (await (await fetch('api/auth/registration')).json()).registration === 'closed');

  await page.getByText('Models', { exact: true }).click();
  await page.getByRole('button', { name: 'Prices of gpt-4.1-nano' }).click();
  await page.getByRole('dialog').getByLabel('Output').fill('0.5');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /gpt-4\.1-nano/ }).getByRole('cell', { name: '0.50', exact: true }).waitFor();
  // A provider is shown as its last calls showed it.
  await page.getByText('Providers', { exact: true }).click();
  const provider = page.locator('.card', { has: page.getByRole('heading', { name: 'openai', exact: true }) });
  await provider.waitFor();
  expectFailures('502');
  // In a chat that has its title: else the call for one, which is answered, might be the last.
  await push({ status: 401 });
  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    const conversation = await (await fetch('api/conversations/', { method: 'POST', headers, body: JSON.stringify({ title: 'Greetings' }) })).json();
    await fetch('api/chat/', { method: 'POST', headers, body: JSON.stringify({ text: 'Hello', model: 'gpt-4.1-nano', conversation_id: conversation }) });
  });
  await provider.locator('.state-word', { hasText: 'fails' }).waitFor();
  await provider.locator('.fault').waitFor();
  await page.getByText('Usage', { exact: true }).click();
  await page.getByText('Nothing was used in this period.').waitFor();

  await goto(page, '#/settings');
  await page.getByLabel('What is it for?').fill('my script');
  await page.getByRole('button', { name: 'Make a key' }).click();
  const key = await page.locator('.secret code').textContent();
  const status = await page.evaluate(async (bearer) => (await fetch('api/users/me', { headers: { Authorization: `Bearer ${bearer}` } })).status, key);
  assert.equal(status, 200);
  await page.getByRole('button', { name: 'Delete the key “my script”' }).click();
  await page.getByText('There are no keys yet.').waitFor();
  // Another browser is signed in as well, until its session is ended here.
  const other = await page.evaluate(async () => {
    const answer = await fetch('api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: 'ada@example.org', password: 'secret' }) });
    return (await answer.json()).access_token;
  });
  await page.reload();
  const sessions = page.locator('section', { has: page.getByRole('heading', { name: 'Where you are signed in' }) });
  await sessions.getByText('this one').waitFor();
  assert.equal(await sessions.locator('li').count(), 2);
  await sessions.getByText(/Chrome on /).first().waitFor();
  await sessions.getByRole('button', { name: /End the session of/ }).click();
  await page.waitForFunction(() => document.querySelectorAll('section .badge').length === 1 && document.querySelector('section .badge')?.closest('ul')?.children.length === 1);
  expectFailures('401');
  assert.equal(await page.evaluate(async (bearer) => (await fetch('api/users/me', { headers: { Authorization: `Bearer ${bearer}` } })).status, other), 401);
  await page.getByText('Dark').click();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
});
