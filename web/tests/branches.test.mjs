// Editing a question, answering again, and the arrows between versions.

import { answered, assert, push, reload, send, signUp, stage, test } from './harness.mjs';

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

  // The files of a question go with what is asked in its place.
  await push({ text: 'Heron.' });
  await page.locator('.composer input[type=file]').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('The secret word is heron.') });
  await page.locator('.composer .chip').waitFor();
  await send(page, 'What is the word?');
  await answered(page, 'Heron.');
  await page.locator('.question').last().hover();
  await page.locator('.question').last().getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Edit the question').fill('What is the secret word?');
  await push({ text: 'Still heron.' });
  await page.getByRole('button', { name: 'Ask this instead' }).click();
  await answered(page, 'Still heron.');
  const again = page.locator('.question', { has: page.locator('a.chip') }).last();
  await again.locator('.branches').getByText('2/2').waitFor();
  const file = await page.evaluate(async (href) => (await fetch(href)).text(), await again.locator('a.chip', { hasText: 'notes.txt' }).getAttribute('href'));
  assert.equal(file, 'The secret word is heron.');

  // While an answer comes there is no second one, and that is said.
  await push({ text: 'uno due tre quattro', deltas: 4, after: 2, gate: 'busy' });
  await send(page, 'Italian numbers');
  await stage('reached', { gate: 'busy' });
  await again.hover();
  await again.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Edit the question').fill('Something else');
  await page.getByRole('button', { name: 'Ask this instead' }).click();
  await page.locator('.notice', { hasText: 'An answer is coming' }).waitFor();
  assert.equal(await page.getByLabel('Edit the question').inputValue(), 'Something else');
  await stage('open', { gate: 'busy' });
  await answered(page, 'uno due tre quattro');

  // Nothing is destroyed: every version of everything is still there.
  const texts = await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}` };
    const { messages } = await (await fetch(`api/conversations/${location.hash.split('/')[2]}/messages?tree=true`, { headers })).json();
    return messages.map((message) => message.text);
  });
  for (const text of ['First question', 'First answer.', 'Second answer.', 'Another question', 'Third answer.', 'What is the word?', 'Heron.']) {
    assert.ok(texts.includes(text), `${text} among ${texts.join(' | ')}`);
  }
});
