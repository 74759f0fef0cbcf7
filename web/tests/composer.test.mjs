// The place to write: keys, drafts, files, the list of models.

import { crc32 } from 'node:zlib';
import { answered, assert, expectFailures, isPhone, push, reload, send, showSide, signUp, test } from './harness.mjs';

/** The beginning of a picture, which says how large it would be. */
function pictureOf(width, height) {
  const header = Buffer.alloc(17);
  header.write('IHDR');
  header.writeUInt32BE(width, 4);
  header.writeUInt32BE(height, 8);
  header.set([8, 6, 0, 0, 0], 12);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(13);
  sum.writeUInt32BE(crc32(header));
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), length, header, sum]);
}

await test(async ({ page }) => {
  await signUp(page);
  const question = page.getByLabel('Your question');
  if (!isPhone) {
    await question.fill('one');
    await question.press('Shift+Enter');
    await question.pressSequentially('two');
    assert.equal(await question.inputValue(), 'one\ntwo');
    // Enter that ends an input method's composition sends nothing.
    await question.evaluate((area) => area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })));
    assert.equal(await question.inputValue(), 'one\ntwo');
    await push({ text: 'Sent by Enter.' });
    await question.press('Enter');
    await answered(page, 'Sent by Enter.');
  } else {
    await push({ text: 'Sent by touch.' });
    await send(page, 'one');
    await answered(page, 'Sent by touch.');
  }

  // Each chat has a draft of its own, with its files.
  await page.locator('.picker').click();
  await page.locator('.model', { hasText: 'gpt-4.1-mini' }).click();
  await question.fill('for the first chat');
  await page.locator('.composer input[type=file]').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('The secret word is heron.') });
  await page.locator('.composer .chip').waitFor();
  await showSide(page);
  await page.getByRole('link', { name: 'New chat' }).first().click();
  await page.locator('.greeting').waitFor();
  assert.equal(await question.inputValue(), '');
  await page.locator('.picker').click();
  await page.locator('.model', { hasText: 'gpt-4o-mini' }).click();
  await question.fill('for a new one');
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.endsWith(':draft:new')));
  await reload(page);
  await page.locator('.greeting').waitFor();
  assert.equal(await question.inputValue(), 'for a new one');
  await showSide(page);
  await page.locator('.chat-row a').first().click();
  await page.locator('.composer .chip', { hasText: 'notes.txt' }).waitFor();
  assert.equal(await question.inputValue(), 'for the first chat');
  assert.equal(await page.locator('.picker').textContent(), 'gpt-4.1-mini', 'with the model that was chosen for it');
  await push({ text: 'Heron.' });
  await page.getByRole('button', { name: 'Send' }).click();
  await answered(page, 'Heron.');
  await page.locator('.question .chip', { hasText: 'notes.txt' }).waitFor();
  assert.equal(await page.locator('.composer .chip').count(), 0);
  const file = await page.evaluate(async (href) => (await fetch(href)).text(), await page.locator('.question a.chip').getAttribute('href'));
  assert.equal(file, 'The secret word is heron.');

  // An image is pasted, files are dropped.
  await question.evaluate((area, bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], 'shot.png', { type: 'image/png' }));
    area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==');
  await page.locator('.composer .picture img[alt="shot.png"]').waitFor();
  await page.locator('main').evaluate((main) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['dropped words'], 'dropped.txt', { type: 'text/plain' }));
    const event = (name) => main.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
    event('dragover');
    if (!main.dataset.drop) throw new Error('nothing says that files may be dropped');
    event('drop');
    if (main.dataset.drop) throw new Error('the place to drop is still there');
  });
  await page.locator('.composer .chip', { hasText: 'dropped.txt' }).waitFor();
  assert.equal(await page.locator('.composer .files li').count(), 2);
  await page.getByRole('button', { name: 'Remove shot.png' }).click();
  await page.getByRole('button', { name: 'Remove dropped.txt' }).click();
  assert.equal(await page.locator('.composer .files li').count(), 0);

  // A file that is refused is named, and nothing of what was written is lost.
  expectFailures('422', '400');
  await page.locator('.composer input[type=file]').setInputFiles([
    { name: 'good.txt', mimeType: 'text/plain', buffer: Buffer.from('fine') },
    { name: 'huge.png', mimeType: 'image/png', buffer: pictureOf(50_000, 50_000) },
  ]);
  await send(page, 'Read these');
  await page.locator('.composer .fault', { hasText: 'huge.png' }).waitFor();
  assert.equal(await question.inputValue(), 'Read these');
  assert.deepEqual(await page.locator('.composer .files .failed img').evaluateAll((all) => all.map((one) => one.getAttribute('alt'))), ['huge.png']);
  assert.equal(await page.locator('.composer .files .failed').count(), 1);
  await page.getByRole('button', { name: 'Remove huge.png' }).click();
  await page.getByRole('button', { name: 'Remove good.txt' }).click();
  await question.fill('');

  // A long text that is pasted becomes a file, and may become text again.
  await question.evaluate((area) => {
    const data = new DataTransfer();
    data.setData('text/plain', 'x'.repeat(5_000));
    area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.locator('.composer .chip', { hasText: 'pasted.txt' }).waitFor();
  await page.getByRole('button', { name: 'Insert as text' }).click();
  assert.equal((await question.inputValue()).length, 5_000);
  await question.fill('');

  // What a question takes is told before it is sent, and quietly.
  await question.fill('What would this take?');
  await page.locator('.gauge', { hasText: 'of the window' }).waitFor();
  await page.locator('.gauge', { hasText: 'up to $' }).waitFor();
  await page.locator('.gauge').click();
  await page.getByRole('dialog', { name: 'What this question takes' }).getByText(/about [\d,]+ of 1,047,576 tokens/).waitFor();
  await page.keyboard.press('Escape');
  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    const me = await (await fetch('api/users/me', { headers })).json();
    await fetch(`api/admin/users/${me.id}/budget`, { method: 'PUT', headers, body: JSON.stringify({ limit: '0.000001', period: 'total' }) });
  });
  await question.fill('And now?');
  await page.getByText('It may cost more than is left of the budget.').waitFor();
  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    const me = await (await fetch('api/users/me', { headers })).json();
    await fetch(`api/admin/users/${me.id}/budget`, { method: 'PUT', headers, body: JSON.stringify({ limit: null, period: 'total' }) });
  });
  await question.fill('');
  await page.getByText('It may cost more').waitFor({ state: 'hidden' });

  // The list of models.
  await page.locator('.picker').click();
  await page.locator('.model', { hasText: 'gpt-4.1-nano' }).getByText('$0.10 in, $0.40 out').waitFor();
  await page.getByLabel('Search models').fill('reasoning');
  await page.waitForFunction(() => [...document.querySelectorAll('.model')].every((one) => one.textContent?.includes('reasoning')));
  assert.ok(await page.locator('.model').count() > 0);
  await page.getByLabel('Search models').fill('4o mini');
  assert.equal(await page.locator('.model').count(), 1);
  await page.locator('.model-row .icon-button').click();
  await page.locator('.model').click();
  assert.equal(await page.locator('.picker').textContent(), 'gpt-4o-mini');
  await page.locator('.picker').click();
  await page.getByText('Favourites').waitFor();
  await page.locator('.model', { hasText: 'Built-in responder' }).click();
  await send(page, 'What can you do?');
  await answered(page, 'built-in responder');
});
