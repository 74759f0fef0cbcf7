// An empty machine: no provider, no key. The built-in responder says what it is, and each suggested question works.

import { answered, assert, expectAccessible, signUp, test } from './harness.mjs';

let run = 0;

await test(async ({ page, scheme }) => {
  const begun = Date.now();
  await signUp(page, `person${run += 1}@example.org`);
  await page.locator('.greeting .about', { hasText: 'no language model' }).waitFor();
  const [left, other] = await page.evaluate(() => ['.greeting h2', '.greeting .about'].map((name) => {
    const element = /** @type {Element} */ (document.querySelector(name));
    return element.getBoundingClientRect().left + parseFloat(getComputedStyle(element).paddingLeft);
  }));
  assert.equal(left, other, 'what it says of itself stands in line with the heading');
  assert.equal(await page.locator('.picker').textContent(), 'Built-in responder');
  await expectAccessible(page, `an empty machine, ${scheme}`);
  const suggestions = page.locator('.greeting li button');
  const expected = [/Moby-Dick|Twenty Thousand Leagues|Sea/i, /Gilgamesh/, /built-in responder/];
  assert.equal(await suggestions.count(), expected.length);
  for (const [index, said] of expected.entries()) {
    const question = (await suggestions.nth(index).locator('span').textContent()) ?? '';
    await suggestions.nth(index).click();
    const answer = await answered(page);
    if (index === 0) console.log(`from nothing to the first answer: ${Date.now() - begun} ms`);
    assert.match((await answer.locator('.prose').textContent()) ?? '', said);
    assert.equal(await page.locator('.question .bubble').textContent(), question);
    assert.equal(await answer.locator('.fault, .hint').count(), 0);
    assert.match((await answer.locator('.facts').textContent()) ?? '', /Built-in responder.*free/);
    if (index < 2) await answer.locator('.book-link').first().waitFor();
    if (index === 0) assert.doesNotMatch((await answer.locator('.prose').textContent()) ?? '', /Old Man and the Sea/);
    await page.evaluate(() => { location.hash = '#/'; });
    await page.locator('.greeting').waitFor();
  }
}, ['light', 'dark']);
