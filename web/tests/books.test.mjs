// The book collection: to look through, to search, to narrow down; and titles in answers that lead to their book.

import { answered, assert, expectAccessible, expectFailures, goto, push, reload, send, showSide, signUp, test } from './harness.mjs';

let run = 0;

await test(async ({ page, scheme }) => {
  await signUp(page, `person${run += 1}@example.org`);
  await showSide(page);
  await page.locator('.side').getByRole('link', { name: 'Books' }).click();
  await page.getByText('202 books in the collection').waitFor();
  assert.ok(await page.locator('a.book').count() <= 100, 'only a part of the cards is made at once');
  await expectAccessible(page, `the books, ${scheme}`);

  // Scrolling brings all of them.
  await page.waitForFunction(() => {
    const scroller = document.querySelector('main .scroller');
    if (scroller) scroller.scrollTop = scroller.scrollHeight;
    return document.querySelectorAll('a.book').length === 202;
  });
  await page.locator('main .scroller').evaluate((element) => { element.scrollTop = 0; });

  // Narrowed down, and searched.
  await page.getByLabel('Language of the original').selectOption('Portuguese');
  await page.getByText('4 of 202 books').waitFor();
  assert.equal(await page.locator('a.book').count(), 4);
  await page.getByLabel('Language of the original').selectOption('');
  const search = page.getByLabel('Search the collection');
  await search.fill('a hunt for a white whale');
  await page.locator('a.book').first().filter({ hasText: 'Moby-Dick' }).waitFor();
  assert.match(new URL(page.url()).hash, /^#\/books\?q=/);

  // A book's sheet has an address of its own, and going back leads to where it was found.
  await page.locator('a.book', { hasText: 'Moby-Dick' }).first().click();
  const sheet = page.getByRole('dialog');
  await sheet.getByText('Herman Melville').waitFor();
  await sheet.getByText('Themes').waitFor();
  await expectAccessible(page, `a book, ${scheme}`);
  const address = new URL(page.url()).hash;
  await page.goBack();
  await sheet.waitFor({ state: 'detached' });
  assert.equal(await search.inputValue(), 'a hunt for a white whale');
  await page.locator('a.book', { hasText: 'Moby-Dick' }).first().click();
  await sheet.getByText('Herman Melville').waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await page.waitForFunction(() => location.hash.startsWith('#/books?q='));
  await search.fill('zzzz qqqq');
  await page.getByText('No book fits').waitFor();
  await page.getByRole('button', { name: 'Show all books' }).click();
  await page.getByText('202 books in the collection').waitFor();

  // A question about it is written and not sent, and what stood there stays.
  await goto(page, '#/');
  await page.getByLabel('Your question').fill('Something of mine.');
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.endsWith(':draft:new')));
  await goto(page, address);
  await sheet.getByRole('button', { name: 'Ask about it' }).click();
  await page.locator('.greeting').waitFor();
  assert.equal(await page.getByLabel('Your question').inputValue(), 'Something of mine.\n\nTell me about “Moby-Dick” by Herman Melville.');
  await page.getByLabel('Your question').fill('');
  expectFailures('404');
  await goto(page, '#/books/none');
  await page.getByText('no longer in the collection').waitFor();
  await page.keyboard.press('Escape');
  await goto(page, '#/');

  // Titles that stand out lead to their book, where the answer shows that it means the book; nothing else does.
  await push({ text: '1. **Moby-Dick** by Herman Melville\n2. *Robinson Crusoe* is a name, and **Beloved** a word.\n3. “Don Quixote”, says Cervantes, and moby-dick in passing.\n\n| Book |\n|---|\n| Moby-Dick |\n\n`**Moby-Dick**` is code.' });
  await send(page, 'Which books?');
  const answer = await answered(page, 'in passing');
  await answer.locator('.book-link').nth(2).waitFor();
  assert.deepEqual(await answer.locator('.book-link').allTextContents(), ['Moby-Dick', 'Don Quixote', 'Moby-Dick']);
  await answer.locator('.book-link').first().click();
  await sheet.getByText('Herman Melville').waitFor();
  assert.match(new URL(page.url()).hash, /^#\/c\//, 'the answer stays below');
  await page.keyboard.press('Escape');

  // What the collection gave to an answer is meant by it, also when it is read again later.
  await push({ tool: 'get_book_summaries', arguments: { titles: ['Beloved'] } });
  await push({ text: 'Read *Beloved*, then **Robinson Crusoe**.' });
  await send(page, 'And a shorter one?');
  const links = page.locator('.answer').last().locator('.book-link');
  await answered(page, 'Read');
  await links.first().waitFor();
  assert.deepEqual(await links.allTextContents(), ['Beloved']);
  await reload(page);
  await links.first().waitFor();
  assert.deepEqual(await links.allTextContents(), ['Beloved']);
  await expectAccessible(page, `an answer with books, ${scheme}`);
}, ['light', 'dark']);
